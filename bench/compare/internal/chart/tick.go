package chart

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// places are ticks with given texts at 0, 1, 2 and so on.
type places []string

// Ticks implements [plot.Ticker].
func (p places) Ticks(_, _ float64) []plot.Tick {
	ticks := make([]plot.Tick, len(p))
	for i, text := range p {
		ticks[i] = plot.Tick{Value: float64(i), Label: text}
	}
	return ticks
}

// numbers are ticks at round numbers.
type numbers struct{}

// Ticks implements [plot.Ticker].
func (numbers) Ticks(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = Text(ticks[i].Value)
		}
	}
	return ticks
}

// decades are ticks of a logarithmic axis. All of them have a text where there are few,
// and fewer of them the more decades there are.
type decades struct{}

// Ticks implements [plot.Ticker].
func (decades) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for power := math.Pow(10, math.Floor(math.Log10(low))); power <= high; power *= 10 {
		for n := 1; n <= 9; n++ {
			tick := plot.Tick{Value: power * float64(n)}
			if labelled(n, high/low) {
				tick.Label = Text(tick.Value)
			}
			if tick.Value >= low && tick.Value <= high {
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}

// labelled reports whether n times a power of ten gets a text, on an axis whose end is
// so many times its beginning.
func labelled(n int, span float64) bool {
	switch {
	case span < 5:
		return true
	case span < 200:
		return n == 1 || n == 2 || n == 5
	default:
		return n == 1
	}
}

// Text writes a number as short as it can be.
func Text(x float64) string {
	switch {
	case x >= 1e6:
		return strconv.FormatFloat(x/1e6, 'g', 6, 64) + "M"
	case x >= 1e4:
		return strconv.FormatFloat(x/1e3, 'g', 6, 64) + "k"
	default:
		return fmt.Sprintf("%.4g", x)
	}
}
