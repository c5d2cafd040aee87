// Times that can be pressed play the call from there; the picture shows where it is. The page can be read without.
for (const card of document.querySelectorAll(".call")) {
  const audio = card.querySelector("audio");
  const picture = card.querySelector(".sides");
  if (!audio || !picture) continue;
  const head = picture.querySelector(".playhead");
  for (const time of card.querySelectorAll("time[data-at]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "at";
    button.textContent = time.textContent;
    button.setAttribute("aria-label", `Play from ${time.textContent}`);
    button.addEventListener("click", () => {
      audio.currentTime = Number(time.dataset.at);
      void audio.play();
    });
    time.replaceChildren(button);
  }
  audio.addEventListener("timeupdate", () => {
    const x = String(audio.currentTime * Number(picture.dataset.scale));
    head.setAttribute("visibility", "visible");
    head.setAttribute("x1", x);
    head.setAttribute("x2", x);
  });
  picture.addEventListener("click", (event) => {
    audio.currentTime = (event.clientX - picture.getBoundingClientRect().left) / Number(picture.dataset.scale);
  });
}
