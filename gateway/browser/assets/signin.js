"use strict";
// The pages work without this file. It saves typing, and shows time passing.

const CODE = /^\s*[0-9][0-9 ]{4,18}[0-9]\s*$/;

// One form, one answer: a second press while the first is on its way would be a second try.
for (const form of document.forms) {
  const release = () => form.removeAttribute("aria-busy");
  form.addEventListener("submit", (event) => {
    if (form.hasAttribute("aria-busy")) {
      event.preventDefault();
      return;
    }
    form.setAttribute("aria-busy", "true");
    setTimeout(release, 30000);  // the form led to an app, and the page is still there
  });
  addEventListener("pageshow", release);  // back from where the form has led
}

// Times that run out, by the second.
for (const span of document.querySelectorAll("[data-countdown]")) {
  const line = span.parentElement;
  const ends = Date.now() + 1000 * span.dataset.countdown;
  const waiting = document.querySelector(`[data-waits-for="${line.id}"]`);
  const after = document.querySelector(`[data-after="${line.id}"]`);
  const tick = () => {
    const left = Math.ceil((ends - Date.now()) / 1000);
    const done = left <= 0;
    const [unit, size] = left < 120 ? [span.dataset.seconds, 1] : [span.dataset.minutes, 60];
    if (!done) {
      span.textContent = unit.replace("{n}", Math.ceil(left / size));
      setTimeout(tick, 1000);
    }
    line.hidden = done;
    if (waiting) waiting.disabled = !done;
    if (after) after.hidden = !done;
  };
  tick();
}

for (const button of document.querySelectorAll("[data-reveals]")) {
  const input = document.getElementById(button.dataset.reveals);
  const show = button.textContent;
  const reveal = (visible) => {
    input.type = visible ? "text" : "password";
    button.textContent = visible ? button.dataset.hide : show;
  };
  button.hidden = false;
  button.addEventListener("click", () => reveal(input.type === "password"));
  input.form.addEventListener("submit", () => reveal(false));  // so that it is not kept as text
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const status = document.querySelector("[data-copied]");
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", () => {
    navigator.clipboard.writeText(button.dataset.copy).then(
      () => { status.textContent = status.dataset.copied; },
      () => { getSelection().selectAllChildren(document.querySelector(".code")); },
    );
  });
}

// A code that comes in one piece, from the keyboard's suggestion or the clipboard, is complete. One
// that is typed may get longer: its length is the provider's.
for (const form of document.querySelectorAll("[data-code]")) {
  const input = form.elements.namedItem("otp");
  const send = form.querySelector('[value="code"]');
  let before = input.value;
  const take = () => {
    const arrived = before === "" && CODE.test(input.value);
    before = input.value;
    if (arrived) form.requestSubmit(send);
  };
  input.addEventListener("input", take);
  if ("OTPCredential" in window) {  // https://wicg.github.io/web-otp/
    const over = new AbortController();
    form.addEventListener("submit", () => over.abort());
    navigator.credentials.get({ otp: { transport: ["sms"] }, signal: over.signal }).then(
      (credential) => {
        if (!credential) return;
        before = "";
        input.value = credential.code;
        take();
      },
      () => {},  // the person declines, or no message comes
    );
  }
}
