import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

export interface TestBrowser {
  readonly browser: Browser;
  close(): Promise<void>;
}

/** Starts Debian's chromium with a home of its own. */
export async function startBrowser(): Promise<TestBrowser> {
  const home = await mkdtemp(join(tmpdir(), 'berth-browser-'));
  // Its sandbox does not work for root, as which CI runs. Debian's start script wants a home to write to.
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    // A name that is not this machine's has no secure context over plain HTTP.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP registry.test 127.0.0.1'],
    env: { ...process.env, HOME: home },
  });
  return {
    browser,
    async close() {
      await browser.close();
      await rm(home, { recursive: true });
    },
  };
}
