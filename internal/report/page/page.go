// Package page writes a report as one HTML page that needs nothing else: no network, no server and
// no other file.
//
// The page can be read without scripts. With them its maps and charts can be walked over with the
// keyboard or the pointer, and the leases searched by address, pod, container and time; the script reads what it shows from
// a block of JSON ([records]) and never makes markup of it.
//
// Names of containers and pods are chosen by others. html/template escapes them, [cli.Printable]
// shows characters that would not be seen, and the [Policy] of the page lets a browser run nothing
// but this package's script.
//
// A page is at most about [MaxBytes] long, however many leases there are, and says what it lacks.
package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io"
	"strings"

	"github.com/leasehold/leasehold/internal/picture"
	"github.com/leasehold/leasehold/internal/report"
)

//go:embed page.html page.css js/*.js
var assets embed.FS

// A Page writes reports. [New] makes one. It is safe for concurrent use.
type Page struct {
	html     *template.Template
	style    template.CSS
	script   template.JS
	policies [2]string // of a file, and live
}

// New returns a Page.
func New() (*Page, error) {
	p := new(Page)
	style, err := assets.ReadFile("page.css")
	if err != nil {
		return nil, err
	}
	script, err := scripts()
	if err != nil {
		return nil, err
	}
	p.style = template.CSS(colours() + string(style))
	p.script = template.JS(script)
	for i, connect := range []string{"'none'", "'self'"} {
		p.policies[i] = "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; connect-src " + connect +
			"; style-src " + hash(string(p.style)) + "; script-src " + hash(string(p.script))
	}
	p.html, err = template.ParseFS(assets, "page.html")
	return p, err
}

// scripts joins the files of the script, each of which only defines functions, except the last.
func scripts() (string, error) {
	var all strings.Builder
	for _, name := range []string{"address", "time", "records", "search", "map", "chart", "live", "main"} {
		text, err := assets.ReadFile("js/" + name + ".js")
		if err != nil {
			return "", err
		}
		all.Write(text)
	}
	return "(() => {\n\"use strict\";\n" + all.String() + "})();\n", nil
}

// hash returns the source of a Content-Security-Policy that allows one text.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// colours returns the colours of the cells, so that they have one source.
func colours() string {
	var light, dark strings.Builder
	for _, l := range picture.Looks() {
		light.WriteString("--" + l.Name + ":" + l.Light + ";")
		dark.WriteString("--" + l.Name + ":" + l.Dark + ";")
	}
	var classes strings.Builder
	for _, l := range picture.Looks() {
		classes.WriteString("." + l.Name + "{stroke:var(--" + l.Name + ");background:var(--" + l.Name + ")}\n")
	}
	return ":root{" + light.String() + "}\n@media screen and (prefers-color-scheme:dark){:root{" + dark.String() + "}}\n" + classes.String()
}

// Policy returns the Content-Security-Policy of the page (W3C CSP Level 3). A live one may connect to
// the server that it came from.
func (p *Page) Policy(live bool) string {
	if live {
		return p.policies[1]
	}
	return p.policies[0]
}

// Write writes the page. A live page asks for itself again from time to time.
func (p *Page) Write(w io.Writer, r report.Report, live bool) error {
	return p.html.Execute(w, newView(p, r, live))
}
