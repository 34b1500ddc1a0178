import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCommand } from '../../support/command.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-retention-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Checks a configuration file. Resolves to its errors, without the folder of the file. */
async function check(yaml: string): Promise<readonly string[]> {
  const file = join(folder, 'berth.yaml');
  await writeFile(file, yaml);
  const { stdout } = await runCommand(['config', 'check', '--json', '--config', file]);
  const { errors } = JSON.parse(stdout) as { readonly errors: readonly string[] };
  return errors.map((error) => error.replaceAll(`${folder}/`, ''));
}

describe('rules of retention in the configuration', () => {
  test('the example of the documentation is valid', async () => {
    expect(
      await check(`
retention:
  timezone: Europe/Berlin
  at: "03:00"
  protect: ["**:latest", "prod/**:*"]
  rules:
    - name: releases
      match: ["team/**:semver(*)"]
      keep: [{ newest: 10, by: version, per: major.minor }, { pulledWithin: 90d }]
    - name: builds
      match: ["team/**:{main,dev}-*", "!team/legacy/**:*"]
      keep: [{ newest: 20, by: pushed }, { monthly: 12 }, { createdWithin: 14d, pulledWithin: 7d }]
    - { name: previews, match: ["**:pr-*"], keep: [{ pushedWithin: 14d }], maxPerRun: 500, mayEmpty: true }
`),
    ).toEqual([]);
  });

  test('an empty keep is an error', async () => {
    const empty = 'has no keep: it would expire every tag that it matches. Name at least one alternative, such as newest: 10';
    expect(await check('retention:\n  rules:\n    - name: all\n      match: ["**:*"]\n      keep: []\n')).toEqual([
      `retention.rules.0 ${empty} (berth.yaml:3)`,
    ]);
    expect(await check('retention:\n  rules:\n    - name: all\n      match: ["**:*"]\n')).toEqual([
      `retention.rules.0 ${empty} (berth.yaml:3)`,
    ]);
    expect(await check('retention:\n  rules:\n    - name: all\n      match: ["**:*"]\n      keep:\n        - {}\n')).toEqual([
      'retention.rules.0.keep.0 has no condition: it would keep every tag. Write newest, daily, pulledWithin or another condition (berth.yaml:6)',
    ]);
  });

  test('all errors are reported at once, each with its line', async () => {
    const errors = await check(`
retention:
  timezone: Mars/Olympus
  at: "25:00"
  every: 1h
  protect: ["latest"]
  ignorePullsBy: [scanner]
  rules:
    - name: one
      match: ["**:*"]
      keep: [{ newset: 3 }]
    - name: two
      match: ["!team/**:*"]
      keep:
        - { newest: 0 }
    - name: three
      match: ["**:{a", "**:ok"]
      keep:
        - { by: created, pulledWithin: 3 }
    - name: four
      match: []
      keep:
        - { daily: 3, by: version }
        - { newest: 3, per: major }
        - { pulledWithin: 3d, by: pulled }
    - name: four
      match: ["**:*"]
      keep: [{ newest: 1 }]
      mayempty: true
`);
    const expected = [
      'retention.rules.0.keep.0.newset is not a key: did you mean retention.rules.0.keep.0.newest? (berth.yaml:11)',
      'retention.rules.1.keep.0.newest must be a whole number from 1 to 1000000 (found 0 in berth.yaml:15)',
      'retention.rules.2.keep.0.pulledWithin must be a duration such as 60s, 5m, 24h or 7d (found 3 in berth.yaml:19)',
      'retention.rules.4.mayempty is not a key: did you mean retention.rules.4.mayEmpty? (berth.yaml:29)',
      'retention.timezone must be a time zone such as UTC or Europe/Berlin, not Mars/Olympus (berth.yaml:3)',
      'retention.at must be a time of day such as 03:00, not 25:00 (berth.yaml:4)',
      'retention.at and retention.every exclude each other (berth.yaml:5)',
      'retention.rules.3 has no match',
      'retention.rules.3.keep.0.by cannot be version for daily: use pushed, created or pulled (berth.yaml:23)',
      'retention.rules.3.keep.1.per is set without newest and by: version, which it would group (berth.yaml:24)',
      'retention.rules.3.keep.2.by is set without newest, daily, weekly, monthly or yearly, which it would order (berth.yaml:25)',
      'retention.rules.4.name is four, as of another rule (berth.yaml:26)',
      'retention.protect.0 must be a pattern',
    ];
    for (const start of expected) expect(errors.filter((error) => error.startsWith(start))).toHaveLength(1);
  });

  test('exclusions alone and settings without effect are errors', async () => {
    const rule = 'retention:\n  rules:\n    - { name: a, match: ["!**:x"], keep: [{ newest: 1 }] }\n';
    expect(await check(rule)).toEqual([
      'retention.rules.0.match has only exclusions (!), which select nothing: add a pattern of what to select (berth.yaml:3)',
    ]);
    expect(await check('retention:\n  ignorePullsBy: [scanner]\n')).toEqual([
      'retention.ignorePullsBy is set, but counts only with access.mode token or external (berth.yaml:2)',
    ]);
    expect(await check('retention:\n  rules: everything\n')).toEqual(['retention.rules must be a list of maps (berth.yaml:2)']);
  });
});
