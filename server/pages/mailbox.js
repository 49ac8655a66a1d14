// The mailbox: asks for the mails every two seconds and shows the one that is
// chosen. A mail is shown in a frame that runs no script.
"use strict";

const byID = (id) => document.getElementById(id);
let token = new URLSearchParams(location.hash.slice(1)).get("token") || sessionStorage.getItem("token") || "";
let chosen = 0;
let known = "";
let messages = [];

async function look() {
  let response;
  try {
    response = await fetch("/mailbox/messages", { headers: token ? { Authorization: "Bearer " + token } : {} });
  } catch {
    byID("state").textContent = "The server does not answer.";
    return;
  }
  byID("sign-in").hidden = response.ok;
  if (!response.ok) {
    const answer = await response.json().catch(() => null);
    byID("state").textContent = answer?.errors?.[0]?.message ?? "The mails cannot be shown.";
    return;
  }
  if (token) sessionStorage.setItem("token", token);
  messages = await response.json();
  byID("state").textContent = messages.length === 1 ? "1 mail" : messages.length + " mails";
  const now = messages.map((m) => m.number).join();
  if (now !== known || now === "") {
    known = now;
    list();
  }
}

function list() {
  const entries = messages.map((m) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-current", String(m.number === chosen));
    button.append(line("strong", m.subject), line("span", m.to.email), line("span", new Date(m.at).toLocaleString()));
    button.addEventListener("click", () => show(m));
    const entry = document.createElement("li");
    entry.append(button);
    return entry;
  });
  if (entries.length === 0) {
    const none = line("li", "No mails yet.");
    none.className = "none";
    entries.push(none);
  }
  byID("list").replaceChildren(...entries);
  if (!chosen && messages.length > 0) show(messages[0]);
}

function line(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

function show(m) {
  chosen = m.number;
  byID("mail").hidden = false;
  byID("subject").textContent = m.subject;
  byID("meta").textContent = "To " + (m.to.name ? m.to.name + " <" + m.to.email + ">" : m.to.email) + ", " + new Date(m.at).toLocaleString();
  byID("html").srcdoc = m.html.replace("<head>", '<head><base target="_blank">');
  byID("text").replaceChildren(...m.text.split(/(https?:\/\/\S+)/).map((part, i) => {
    if (i % 2 === 0) return document.createTextNode(part);
    const link = line("a", part);
    link.href = part;
    return link;
  }));
  list();
}

function form(asHTML) {
  byID("html").hidden = !asHTML;
  byID("text").hidden = asHTML;
  byID("show-html").setAttribute("aria-pressed", String(asHTML));
  byID("show-text").setAttribute("aria-pressed", String(!asHTML));
}

byID("show-html").addEventListener("click", () => form(true));
byID("show-text").addEventListener("click", () => form(false));
byID("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byID("token").value.trim();
  look();
});
if (location.hash) history.replaceState(null, "", location.pathname);
look();
setInterval(look, 2000);
