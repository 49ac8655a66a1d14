// The pages that the links of mails lead to. Each says what the link is for, calls
// one or two mutations and says what came of it. The token leaves the address bar at once.
"use strict";

const token = new URLSearchParams(location.search).get("token") || "";
history.replaceState(null, "", location.pathname);

async function send(query, variables, bearer) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(bearer ? { Authorization: "Bearer " + bearer } : {}) },
    body: JSON.stringify({ query, variables }),
  });
  const answer = await response.json();
  if (answer.errors?.length) throw new Error(answer.errors[0].message);
  return answer.data;
}

async function ask(mutation, input, bearer) {
  const noun = mutation[0].toUpperCase() + mutation.slice(1);
  const wanted = mutation === "login" ? "accessToken" : "clientMutationId";
  const data = await send(`mutation($input: ${noun}Input!) { ${mutation}(input: $input) { ${wanted} } }`, { input }, bearer);
  return data[mutation];
}

function say(text, kind) {
  const state = document.getElementById("state");
  state.textContent = text;
  state.className = kind;
}

const steps = {
  "set-password": async (input) => {
    if (input.newPassword !== input.again) throw new Error("The two passwords are not the same.");
    await ask("resetPassword", { token, newPassword: input.newPassword });
    return "The password is set. You can sign in with it now.";
  },
  "verify-email": async () => {
    await ask("verifyEmail", { token });
    return "Thank you, the address is confirmed.";
  },
  "accept-signed-in": async ({ username, password, totp }) => {
    await accept({ username, password, ...(totp ? { totp } : {}) });
    return "Done: you accepted the invitation.";
  },
  "accept-signing-up": async ({ username, email, name, password }) => {
    await ask("signUp", { username, email, password, invitationToken: token, ...(name ? { name } : {}) });
    await accept({ username, password });
    return "Done: your account is made, and you accepted the invitation.";
  },
  decline: async () => {
    await ask("declineInvitation", { token });
    return "You declined the invitation. Nobody needs to do anything more.";
  },
};

const over = {
  ACCEPTED: "This invitation has been accepted.",
  DECLINED: "This invitation has been declined.",
  CANCELLED: "This invitation has been taken back.",
  EXPIRED: "This invitation has expired. Ask for another one.",
};

// offer shows what an invitation offers, and the ways to answer one that waits.
async function offer() {
  let offered;
  try {
    const query = "query($token: String!) { invitation(token: $token) { kind status organizationName email expiresAt } }";
    ({ invitation: offered } = await send(query, { token }));
  } catch (error) {
    say(error.message, "bad");
    return;
  }
  const facts = {
    organization: offered.organizationName,
    kind: offered.kind === "OWNERSHIP_TRANSFER" ? "the owner" : "a member",
    address: offered.email,
    until: new Date(offered.expiresAt).toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" }),
  };
  for (const [id, text] of Object.entries(facts)) document.getElementById(id).textContent = text;
  document.getElementById("offer").hidden = false;
  if (over[offered.status]) {
    say(over[offered.status], "bad");
    return;
  }
  for (const form of document.forms) form.hidden = form.id === "accept-signing-up" && offered.kind === "OWNERSHIP_TRANSFER";
  document.forms["accept-signing-up"].elements.email.value = offered.email;
}

async function accept(who) {
  const { accessToken } = await ask("login", who);
  await ask("acceptInvitation", { token }, accessToken);
}

for (const form of document.forms) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    say("One moment…", "");
    try {
      say(await steps[form.id](Object.fromEntries(new FormData(form))), "good");
      for (const other of document.forms) other.hidden = true;
    } catch (error) {
      say(error.message, "bad");
    } finally {
      button.disabled = false;
    }
  });
}
if (!token) say("The link is not whole. Open it from the mail again, or copy all of it.", "bad");
else if (document.getElementById("offer")) offer();
