// Tries the pages of the binary in a real browser that can reach nothing else.
//
// Needs bin/headwater and a Chromium: CHROMIUM, or chromium or google-chrome on
// the PATH. Pictures of the pages are kept in the directory SCREENSHOTS, if set.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const binary = fileURLToPath(new URL('../../bin/headwater', import.meta.url));
const screenshots = process.env.SCREENSHOTS;
const patience = 30_000;

let demo; // the process
let ready; // what it says when it is ready
let browser;

before(async () => {
  demo = spawn(binary, ['demo', '--print-json', '--addr', '127.0.0.1:0', '--organizations', '6', '--users', '50'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: withoutSettings(process.env),
  });
  const lines = createInterface({ input: demo.stdout });
  const line = await new Promise((resolve, reject) => {
    lines.once('line', resolve);
    demo.once('error', reject);
    demo.once('exit', (code) => reject(new Error(`the demo ended with status ${code}`)));
  });
  ready = JSON.parse(line);
  browser = await chromium.launch({
    executablePath: findChromium(),
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
});

after(async () => {
  await browser?.close();
  if (demo && demo.exitCode === null) {
    const ended = new Promise((resolve) => demo.once('exit', resolve));
    demo.kill('SIGTERM');
    assert.equal(await ended, 0, 'the demo ends well');
  }
});

function withoutSettings(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('HEADWATER_')));
}

function findChromium() {
  const names = ['chromium', 'google-chrome', 'google-chrome-stable', 'chromium-browser'];
  const candidates = [process.env.CHROMIUM, ...names.flatMap((name) => process.env.PATH.split(delimiter).map((dir) => join(dir, name)))];
  const found = candidates.filter(Boolean).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  assert.ok(found, 'there is no Chromium; install the package chromium or name one in CHROMIUM');
  return found;
}

// visit opens a page in a browser of its own that remembers nothing, and
// returns it with what went wrong on it so far.
async function visit(t, path) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  const problems = [];
  // The mailbox shows mails and does not load the logos of organizations in them.
  const note = (text) => text.includes('.example/logo') || problems.push(text);
  context.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (!['data:', 'blob:'].includes(protocol) && hostname !== '127.0.0.1') note(`request to ${request.url()}`);
  });
  // Whoever leaves a page breaks off what it has asked for.
  context.on('requestfailed', (request) => {
    const why = request.failure()?.errorText;
    if (why !== 'net::ERR_ABORTED') note(`no answer from ${request.url()}: ${why}`);
  });
  context.on('response', (response) => {
    if (response.status() >= 400) note(`${response.status()} from ${response.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error') note(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => note(`script: ${error.message}`));
  await page.goto(ready.url + path, { waitUntil: 'networkidle' });
  return { page, problems };
}

async function picture(page, name) {
  if (!screenshots) return;
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
}

// run presses the button and returns the answer as text.
async function run(page) {
  const answered = page.waitForResponse((response) => {
    const body = response.request().postData() ?? '';
    return response.url() === ready.graphql && !body.includes('IntrospectionQuery');
  });
  await page.locator('.graphiql-execute-button').click();
  const answer = await (await answered).text();
  // The editor draws the answer a moment later.
  await page.waitForFunction(() => document.querySelector('.result-window')?.textContent.includes('data'));
  return answer;
}

async function signIn(page, token) {
  await page.locator('#token').fill(token);
  await page.getByRole('button', { name: 'Use' }).click();
  await page.locator('.graphiql-execute-button').waitFor();
}

const login = (role) => ready.users.find((user) => user.role === role);

test('the start page leads to the playground', async (t) => {
  const { page, problems } = await visit(t, '/');
  assert.equal(await page.title(), 'Headwater');
  await picture(page, 'start');
  await page.getByRole('link', { name: /Playground/ }).click();
  await page.waitForURL('**/playground');
  await page.locator('.graphiql-execute-button').waitFor();
  assert.deepEqual(problems, []);
});

test('the playground runs its examples with a token', async (t) => {
  const { page, problems } = await visit(t, '/playground');
  const user = login('platform-admin');
  await signIn(page, user.token);
  const examples = await (await fetch(`${ready.url}/playground/examples.json`)).json();
  const tabs = page.locator('.graphiql-tab');
  assert.equal(await tabs.count(), examples.length);

  const whoAmI = await run(page);
  assert.match(whoAmI, new RegExp(`"username":"${user.username}"`));
  await page.locator('.result-window').getByText(user.username).first().waitFor();
  assert.equal(await page.locator('#state').textContent(), 'Signed in');
  await picture(page, 'playground');

  for (const name of ['EffectiveSettings', 'Prices', 'Costs', 'CostLines']) {
    await page.locator('.graphiql-tab-button', { hasText: new RegExp(`^${name}$`) }).click();
    const answer = JSON.parse(await run(page));
    assert.equal(answer.errors, undefined, name);
    await picture(page, name);
  }
  assert.deepEqual(problems, []);
});

test('the playground explains the schema', async (t) => {
  const { page, problems } = await visit(t, '/playground');
  await signIn(page, login('member').token);
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  const explorer = page.locator('.graphiql-doc-explorer');
  await explorer.getByRole('link', { name: 'Query', exact: true }).click();
  await explorer.getByText('organizations that the viewer can see').waitFor();
  await picture(page, 'documentation');
  assert.deepEqual(problems, []);
});

test('a token in the address signs in and does not stay there', async (t) => {
  const user = login('customer-admin');
  const { page, problems } = await visit(t, `/playground#token=${user.token}`);
  await page.waitForURL((url) => url.hash === '');
  assert.equal(await page.locator('#token').inputValue(), user.token);
  assert.match(await run(page), new RegExp(`"username":"${user.username}"`));
  await page.getByRole('button', { name: 'Clear' }).click();
  assert.equal(await page.locator('#token').inputValue(), '');
  assert.match(await run(page), /"viewer":null/);
  assert.deepEqual(problems, []);
});

// ask calls the API as a login, and returns the data.
async function ask(who, query, input) {
  const response = await fetch(ready.graphql, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(who ? { Authorization: `Bearer ${who.token}` } : {}) },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const answer = await response.json();
  assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
  return answer.data;
}

async function invite(who, email) {
  const { inviteMembers } = await ask(
    who, 'mutation($input: InviteMembersInput!) { inviteMembers(input: $input) { results { status } } }',
    { organizationId: who.organizationId, emails: [email] },
  );
  assert.equal(inviteMembers.results[0].status, 'INVITED');
}

// follow opens the newest mail to an address in the mailbox, and the link in it.
async function follow(t, email, pictureName) {
  const { page, problems } = await visit(t, `/mailbox#token=${login('platform-admin').token}`);
  await page.locator('#list button', { hasText: email }).first().click();
  await page.getByRole('button', { name: 'Text' }).click();
  if (pictureName) await picture(page, pictureName);
  await page.locator('#text a').first().click();
  await page.waitForLoadState('networkidle');
  assert.equal(new URL(page.url()).search, '', 'the token does not stay in the address');
  return { page, problems };
}

// fits fails if something of the page lies outside of a narrow window.
async function fits(page) {
  await page.setViewportSize({ width: 375, height: 740 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${page.url()} is too wide`);
}

test('whoever is invited makes an account by the link of the letter', async (t) => {
  await invite(login('customer-admin'), 'wanda@elsewhere.example');
  const { page, problems } = await follow(t, 'wanda@elsewhere.example', 'mailbox');
  await page.locator('#offer').waitFor();
  assert.equal(await page.locator('#address').textContent(), 'wanda@elsewhere.example');
  await picture(page, 'invitation');
  await fits(page);
  await picture(page, 'invitation-narrow');
  const form = page.locator('#accept-signing-up');
  await form.getByLabel('Username').fill('wanda');
  await form.getByLabel('Password').fill('correct horse battery');
  await form.getByRole('button').click();
  await page.getByText('you accepted the invitation').waitFor();

  const again = await follow(t, 'wanda@elsewhere.example');
  await again.page.getByText('This invitation has been accepted.').waitFor();
  assert.equal(await again.page.locator('form:visible').count(), 0);
  assert.deepEqual([...problems, ...again.problems], []);
});

test('whoever has an account signs in to accept', async (t) => {
  const admin = login('customer-admin');
  const guest = login('partner-admin');
  const { viewer } = await ask(guest, '{ viewer { user { email } } }');
  await invite(admin, viewer.user.email);
  const { page, problems } = await follow(t, viewer.user.email);
  const form = page.locator('#accept-signed-in');
  await form.getByLabel('Username').fill(guest.username);
  await form.getByLabel('Password').fill(guest.password);
  await form.getByRole('button').click();
  await page.getByText('you accepted the invitation').waitFor();
  assert.deepEqual(problems, []);
});

test('an invitation is declined without an account', async (t) => {
  await invite(login('customer-admin'), 'wilma@elsewhere.example');
  const { page, problems } = await follow(t, 'wilma@elsewhere.example');
  await page.getByRole('button', { name: 'Decline' }).click();
  await page.getByText('You declined the invitation.').waitFor();
  assert.deepEqual(problems, []);
});

test('a forgotten password is replaced by the link of a letter', async (t) => {
  const user = login('member');
  const { viewer } = await ask(user, '{ viewer { user { email } } }');
  await ask(null, 'mutation($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { clientMutationId } }', { usernameOrEmail: user.username });
  const { page, problems } = await follow(t, viewer.user.email);
  await picture(page, 'set-password');
  await fits(page);
  await page.getByLabel('New password').fill('staple battery horse');
  await page.getByLabel('Once more').fill('staple battery horse');
  await page.getByRole('button', { name: 'Set the password' }).click();
  await page.getByText('The password is set.').waitFor();
  await ask(null, 'mutation($input: LoginInput!) { login(input: $input) { expiresAt } }', { username: user.username, password: 'staple battery horse' });
  assert.deepEqual(problems, []);
});

test('an address is confirmed by the link of a letter', async (t) => {
  const user = login('customer-admin');
  await ask(null, 'mutation($input: LoginInput!) { login(input: $input) { accessToken } }', { username: user.username, password: user.password }).then(
    ({ login: { accessToken } }) => ask(
      { token: accessToken }, 'mutation($input: ChangeEmailInput!) { changeEmail(input: $input) { clientMutationId } }',
      { email: 'new-address@elsewhere.example', password: user.password },
    ),
  );
  const { page, problems } = await follow(t, 'new-address@elsewhere.example');
  await page.getByRole('button').click();
  await page.getByText('the address is confirmed').waitFor();
  await fits(page);
  assert.deepEqual(problems, []);
});

test('the mailbox fits a narrow window', async (t) => {
  const { page, problems } = await visit(t, `/mailbox#token=${login('platform-admin').token}`);
  await page.locator('#list button').first().waitFor();
  await fits(page);
  await picture(page, 'mailbox-narrow');
  assert.deepEqual(problems, []);
});
