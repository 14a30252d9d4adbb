// node -e THIS CHROMIUM PAGE FOLDER: opens the page, uses it as a person would, and says what happened.
const puppeteer = require("puppeteer-core");
const fs = require("node:fs"), os = require("node:os"), path = require("node:path");
const [chromium, page, folder] = process.argv.slice(1);

(async () => {
  const browser = await puppeteer.launch({
    executablePath: chromium,
    headless: true,
    userDataDir: fs.mkdtempSync(path.join(os.tmpdir(), "page-")),
    args: ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
      "--ignore-gpu-blocklist", "--disable-dev-shm-usage", "--hide-scrollbars"],
  });
  try {
    const tab = await browser.newPage(), log = [];
    await tab.setViewport({ width: 800, height: 500 });
    tab.on("console", (m) => { if (["error", "warning"].includes(m.type())) log.push(m.text()); });
    tab.on("pageerror", (e) => log.push(e.message));
    tab.on("dialog", (d) => { log.push(`dialog ${d.message()}`); d.dismiss(); });
    tab.on("request", (r) => { if (!/^(file|data|blob):/.test(r.url())) log.push(`asked for ${r.url()}`); });
    await tab.goto(page, { waitUntil: "load" });
    await tab.waitForFunction("window.geovision && Number(document.body.dataset.drawn) > 0", { timeout: 120000 });
    const set = async (id, value) => {
      await tab.evaluate((id, value) => {
        const drawn = document.body.dataset.drawn, input = document.getElementById(id);
        if (input.type === "checkbox") input.checked = value;
        else input.value = input.tagName === "SELECT" && isNaN(value) ? [...input.options].findIndex((o) => o.text === value) : value;
        input.dispatchEvent(new Event("input"));
        return new Promise((done) => {
          const look = () => (document.body.dataset.drawn !== drawn ? done() : setTimeout(look, 30));
          look();
        });
      }, id, value);
    };
    const shot = (name) => tab.screenshot({ path: path.join(folder, `${name}.png`) });
    await shot("model");
    await set("mix", 0);
    await shot("points");
    await set("mix", 100);
    await set("colour", "photo");
    await set("lod", 1);
    await shot("photo");
    // Wherever a building is.
    const place = await tab.evaluate(() => {
      for (let y = 100; y < 480; y += 12)
        for (let x = 260; x < 780; x += 12) if (window.geovision.under(x, y) >= 0) return [x, y];
      return [0, 0];
    });
    await tab.mouse.click(...place);
    await tab.waitForFunction("document.querySelector('#facts').style.display === 'block'", { timeout: 20000 });
    const [picked, facts, colours] = await tab.evaluate(() => [
      document.querySelector("#facts h2").textContent,
      document.querySelectorAll("#facts tr").length,
      [...document.getElementById("colour").options].map((o) => o.text),
    ]);
    console.log(JSON.stringify({ log, picked, facts, colours }));
  } finally {
    await browser.close();
  }
})().catch((error) => { console.error(error); process.exit(1); });
