import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeWith } from '../support/requires.ts';
import { run } from '../support/run.ts';

const bench = resolve(import.meta.dirname, '../../bench/main.ts');

describeWith(['docker-registry'], 'npm run bench', () => {
  test('compares berth with the peer, workload by workload', async () => {
    const options = ['--quick', '--runs', '1', '--only', 'manifest'];
    const printed = await run(process.execPath, ['--disable-warning=ExperimentalWarning', bench, ...options]);
    expect(printed).toMatch(/^\| workload \| CPU: berth \| docker-registry \| ratio \| spread \|/m);
    expect(printed).toMatch(/^\| manifest GET by tag, 16 connections \(a request\) \| \d/m);
  }, 60_000);
});
