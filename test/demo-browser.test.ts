import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Browser } from './harness/browser.js';
import { Demo } from './harness/demo.js';
import { needs } from './harness/needs.js';
import { until } from './harness/until.js';

/** Pictures of the page, for whoever wants to see them. */
const PICTURES = fileURLToPath(
  new URL('../node_modules/.cache/ringbearer/pictures', import.meta.url),
);

test('a browser shows the counters, live, and complains about nothing', async (context) => {
  const chromium = needs(context, 'chromium');
  const demo = await Demo.start();
  const browser = new Browser(chromium);
  try {
    await browser.open(`${demo.url}/`);
    const number = async (id: string) =>
      Number(
        String(
          await browser.evaluate(`document.getElementById('${id}')?.textContent ?? ''`),
        ).replaceAll(',', ''),
      );
    await until('the page is live', async () => (await number('completed')) > 0, 15_000);
    expect(await browser.evaluate(`document.getElementById('link').textContent`)).toBe('Live');

    const before = await number('completed');
    await until('the counters moved', async () => (await number('completed')) > before);
    expect(await browser.evaluate(`document.querySelector('table').textContent`)).toContain(
      'owner',
    );

    // What its button does: traffic of the page's own, seen in its own counters.
    const requests = await number('requests');
    await browser.evaluate(`document.getElementById('traffic').click()`);
    await until(
      'the requests were counted',
      async () => (await number('requests')) > requests + 50,
      10_000,
    );

    // Something was drawn, in the colours of either preference.
    const painted = `(() => {
      const { data } = document.getElementById('ring').getContext('2d').getImageData(0, 0, 600, 200);
      return data.some((value) => value !== 0);
    })()`;
    mkdirSync(PICTURES, { recursive: true });
    for (const scheme of ['light', 'dark'] as const) {
      await browser.prefer(scheme);
      await until(
        'two frames were drawn',
        async () =>
          (await browser.evaluate(
            'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))',
          )) === true,
      );
      expect(await browser.evaluate(painted)).toBe(true);
      writeFileSync(path.join(PICTURES, `demo-${scheme}.png`), await browser.picture());
    }
    await until(
      'the button is done',
      async () => (await browser.evaluate(`document.getElementById('traffic').disabled`)) === false,
      10_000,
    );
    const result = await browser.evaluate(`document.getElementById('traffic-result').textContent`);
    expect(result).toMatch(/^[\d,]+ answered$/);
    expect(browser.complaints).toEqual([]);

    // A server that goes is noticed, and does not wait for the page that watches it.
    expect(await demo.stop()).toEqual({ code: 0, signal: null });
    await until(
      'the page noticed',
      async () =>
        (await browser.evaluate(`document.getElementById('link').dataset.state`)) === 'lost',
    );
  } finally {
    await browser.close();
    demo.process.kill('SIGKILL');
  }
}, 60_000);
