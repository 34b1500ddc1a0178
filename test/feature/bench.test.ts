import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeWith } from '../support/requires.ts';
import { run } from '../support/run.ts';

const [bench, mirrorBench] = ['main', 'mirror'].map((name) => resolve(import.meta.dirname, `../../bench/${name}.ts`)) as [
  string,
  string,
];

describeWith(['docker-registry'], 'npm run bench', () => {
  test('compares berth with the peer, workload by workload', async () => {
    const options = ['--quick', '--runs', '1', '--only', 'manifest'];
    const printed = await run(process.execPath, ['--disable-warning=ExperimentalWarning', bench, ...options]);
    expect(printed).toMatch(/^\| workload \| CPU: berth \| docker-registry \| ratio \| spread \|/m);
    expect(printed).toMatch(/^\| manifest GET by tag, 16 connections \(per request\) \| \d/m);
  }, 60_000);
});

test('npm run bench:mirror -- --flood pulls more than the mirror keeps, and no pull fails', async () => {
  const printed = await run(process.execPath, ['--disable-warning=ExperimentalWarning', mirrorBench, '--flood', '--quick']);
  const figure = (name: string) => Number(new RegExp(`^\\| ${name} \\| (\\d+)`, 'm').exec(printed)?.[1]);
  expect([figure('pulls'), figure('failed pulls')]).toEqual([80, 0]);
  expect(figure('most kept at once, with what is being deleted, MiB')).toBeLessThanOrEqual(figure('limit, MiB'));
  expect(figure('of it from the mirror')).toBeGreaterThan(20);
}, 120_000);
