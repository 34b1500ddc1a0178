import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isDue } from '../../../src/maintenance/sync/runner.ts';
import type { SyncEntry } from '../../../src/maintenance/sync/entry.ts';
import type { SyncEntryRecord } from '../../../storage/metadata/queries/sync/entries.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { type SyncSite, startSite } from '../../support/sync.ts';
import { until } from '../../support/until.ts';

const hour = 3_600_000;
const noon = Date.parse('2026-07-15T12:00:00Z');
const hourly = { schedule: { kind: 'interval', milliseconds: hour } } as SyncEntry;
const atThree = { schedule: { kind: 'daily', minutes: 180, timeZone: 'UTC' } } as SyncEntry;

function recordOf(fields: Partial<SyncEntryRecord> = {}): SyncEntryRecord {
  const none = {
    requestedAt: null,
    startedAt: null,
    endedAt: null,
    succeededAt: null,
    retryAt: null,
    error: null,
    summary: null,
  };
  return { name: 'entry', firstSeenAt: noon, failures: 0, ...none, ...fields };
}

describe('a run is due', () => {
  const ended = { startedAt: noon, endedAt: noon + 1000 };

  test.each<[string, SyncEntry, Partial<SyncEntryRecord>, number, boolean]>([
    ['at once if the entry is new', hourly, {}, noon, true],
    ['at its time if the entry is new and has one', atThree, {}, noon, false],
    ['at its time', atThree, {}, noon + 15 * hour, true],
    ['after its interval', hourly, ended, noon + hour, true],
    ['not before its interval', hourly, ended, noon + hour - 1, false],
    ['if a person wants it', hourly, { ...ended, requestedAt: noon + 5 }, noon + 10, true],
    ['if the last one was interrupted', atThree, { startedAt: noon, endedAt: null }, noon + 1, true],
    ['if the last one was interrupted after others', hourly, { startedAt: noon, endedAt: noon - hour }, noon + 1, true],
    ['again when a failed one may be tried', hourly, { ...ended, retryAt: noon + 60_000 }, noon + 60_000, true],
    ['not earlier, whatever the schedule says', hourly, { ...ended, retryAt: noon + 3 * hour }, noon + 2 * hour, false],
  ])('%s', (_when, entry, fields, now, expected) => {
    expect(isDue(entry, recordOf(fields), now)).toBe(expected);
  });
});

describe('runs of entries', () => {
  let upstream: FakeUpstream;
  let site: SyncSite;
  let folder: string;

  beforeAll(async () => {
    [upstream, site] = await Promise.all([startFakeUpstream(), startSite()]);
    folder = await mkdtemp(join(tmpdir(), 'berth-names-'));
  });
  afterAll(async () => {
    await site.dispose();
    await upstream.close();
    await rm(folder, { recursive: true });
  });

  const configOf = (name: string, entry: object = {}) => ({
    registries: { 'hub.test': { url: upstream.url } },
    sync: [{ name, from: `hub.test/${name}`, to: name, ...entry }],
  });

  test('begin when they are due, and then wait for their interval', async () => {
    upstream.addImage('timed', '1');
    const sync = await site.configure(configOf('timed'));
    const ended = async () => (await site.metadata.syncEntries.find('timed'))?.endedAt ?? null;
    await sync.runner.beginDue();
    await until(async () => (await ended()) !== null);
    const first = await ended();
    site.now += 60_000;
    await sync.runner.beginDue();
    await sync.runner.close();
    expect(await ended()).toBe(first);
  });

  test('begin on request of an admin', async () => {
    upstream.addImage('asked', '1');
    const sync = await site.configure(configOf('asked', { at: '00:00' }));
    expect(await sync.overview.request('unknown')).toBe(false);
    expect(await sync.overview.request('asked')).toBe(true);
    expect(await sync.overview.find('asked')).toMatchObject({ state: 'requested' });
    await sync.runner.beginDue();
    await until(async () => (await sync.overview.find('asked'))?.state === 'done');
    expect(await site.tags('asked')).toEqual(['1']);
    site.now += 5000;
    expect(await sync.overview.ages()).toEqual([{ entry: 'asked', seconds: 5 }]);
  });

  test('are made by one process only', async () => {
    const image = upstream.addImage('single', '1');
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const manifest = new RegExp(`manifests/${image.digest}`);
    upstream.misbehave('GET', manifest, { until: released });
    await site.configure(configOf('single'));
    const first = site.run();
    // Otherwise the second run may be the first one to begin.
    try {
      await until(() => upstream.count('GET', manifest) > 0);
      await expect(site.run()).rejects.toThrow('another process runs the entry');
    } finally {
      release();
    }
    expect(await first).toMatchObject({ summary: { copiedTags: 1 } });
  });

  test('take the names of repositories from a file', async () => {
    for (const name of ['filed/a', 'filed/b', 'filed/c']) upstream.addImage(name, '1');
    const file = join(folder, 'names.txt');
    await writeFile(file, '# ours\nfiled/a\n\nfiled/b\r\nother/x\n');
    await site.configure(configOf('filed', { from: 'hub.test/filed/**', to: 'filed/**', repositories: file }));
    expect(await site.run()).toMatchObject({ error: undefined, summary: { repositories: 2, copiedTags: 2 } });
  });

  test('that fail are tried again later and later', async () => {
    await site.configure(configOf('failing'));
    upstream.addImage('failing', '1');
    upstream.misbehave('GET', /failing\/tags/, { status: 500 }, 2);
    const pauses: number[] = [];
    for (let run = 0; run < 2; run++) {
      await site.run();
      const record = await site.metadata.syncEntries.find('failing');
      pauses.push((record?.retryAt ?? 0) - (record?.endedAt ?? 0));
    }
    expect(pauses).toEqual([60_000, 120_000]);
    expect(await site.run()).toMatchObject({ error: undefined });
    expect(await site.metadata.syncEntries.find('failing')).toMatchObject({ failures: 0, retryAt: null, error: null });
  });
});
