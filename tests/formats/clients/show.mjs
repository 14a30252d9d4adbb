// node show.mjs PAGE SITE NODE_MODULES CHROMIUM PICTURE: serves PAGE and SITE on loopback, opens it in headless Chromium,
// prints what the page reports as JSON. Requests to anywhere else fail and are reported.
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import {createRequire} from 'node:module';

const [page, site, modules, chromium, picture] = process.argv.slice(2);
const puppeteer = createRequire(path.join(modules, 'x.js'))('puppeteer-core');
const roots = {
  '/client/': path.dirname(new URL(import.meta.url).pathname),
  '/modules/': modules,
  '/': site,
};
const types = {html: 'text/html', js: 'text/javascript', css: 'text/css', json: 'application/json', wasm: 'application/wasm'};

const server = http.createServer((request, response) => {
  const name = decodeURIComponent(request.url.split('?')[0]);
  const prefix = Object.keys(roots).find((key) => name.startsWith(key));
  const root = path.resolve(roots[prefix]);
  const file = path.join(root, name.slice(prefix.length));
  if (!file.startsWith(root + path.sep) || !fs.existsSync(file) || !fs.statSync(file).isFile()) {
    response.writeHead(404);
    response.end();
    return;
  }
  response.writeHead(200, {'content-type': types[file.split('.').pop()] ?? 'application/octet-stream'});
  fs.createReadStream(file).pipe(response);
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const base = `http://127.0.0.1:${server.address().port}`;
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'client-'));
const browser = await puppeteer.launch({
  executablePath: chromium,
  headless: true,
  userDataDir: profile,
  protocolTimeout: 240000,
  args: ['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
    '--ignore-gpu-blocklist', '--disable-dev-shm-usage', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
});
try {
  const tab = await browser.newPage();
  await tab.setViewport({width: 800, height: 500});
  const problems = [];
  tab.on('console', (m) => ['error', 'warning'].includes(m.type()) && problems.push(m.text()));
  tab.on('pageerror', (error) => problems.push(error.message));
  tab.on('response', (r) => r.status() >= 400 && problems.push(`${r.status()} ${r.url()}`));
  tab.on('request', (r) => r.url().startsWith(base) || /^(data|blob):/.test(r.url()) || problems.push(`outside: ${r.url()}`));
  await tab.goto(`${base}/client/${page}`, {timeout: 120000});
  await tab.waitForFunction('window.result !== undefined', {timeout: 200000, polling: 200});
  await tab.screenshot({path: picture});
  console.log(JSON.stringify({result: await tab.evaluate('window.result'), problems}));
} finally {
  await browser.close();
  server.close();
  fs.rmSync(profile, {recursive: true, force: true});
}
