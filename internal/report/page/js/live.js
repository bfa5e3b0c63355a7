// A live page asks for itself again, and takes over what is in the answer.

const interval = 5000;

const follow = (show) => {
  const lost = document.getElementById("lost"), box = document.querySelector("#refresh input");
  document.getElementById("refresh").hidden = false;
  const ask = async () => {
    try {
      const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(60000) });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const doc = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!doc.getElementById("records")) throw new Error("the answer is another page");
      show(doc);
      lost.textContent = "";
    } catch (e) {
      lost.textContent = `Not refreshed: ${e.message}`;
    }
  };
  const tick = async () => {
    if (box.checked && !document.hidden) await ask();
    setTimeout(tick, interval);
  };
  setTimeout(tick, interval);
};
