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
  context.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (!['data:', 'blob:'].includes(protocol) && hostname !== '127.0.0.1') problems.push(`request to ${request.url()}`);
  });
  context.on('requestfailed', (request) => problems.push(`no answer from ${request.url()}: ${request.failure()?.errorText}`));
  context.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${response.status()} from ${response.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`script: ${error.message}`));
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
  assert.equal(new URL(page.url()).hash, '');
  assert.equal(await page.locator('#token').inputValue(), user.token);
  assert.match(await run(page), new RegExp(`"username":"${user.username}"`));
  await page.getByRole('button', { name: 'Clear' }).click();
  assert.equal(await page.locator('#token').inputValue(), '');
  assert.match(await run(page), /"viewer":null/);
  assert.deepEqual(problems, []);
});
