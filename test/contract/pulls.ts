import { expect, test } from '@jest/globals';
import type { Digest } from '../../src/oci/digest.ts';
import type { NewManifest } from '../../storage/metadata/queries/manifests.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Plain } from '../support/plain.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as Digest;
const hour = 3_600_000;

/** What a store promises about recorded pulls. */
export function testPulls(
  store: () => Plain<MetadataStore>,
  manifest: (repository: string, letter: string, fields?: Partial<NewManifest>) => Promise<unknown>,
): void {
  const pull = (letter: string, at: number, repository = 'app') =>
    store().pulls.record([{ repository, digest: digest(letter), at }]);
  const pulledAt = (letter: string) => store().pulls.find('app', digest(letter));
  const parentOf = (letter: string) => ({ children: [{ digest: digest(letter), sizeBytes: 1 }] });

  test('a pull counts for the manifest and for every index above it, and for no other', async () => {
    for (const [letter, fields] of [['a'], ['b'], ['c', parentOf('a')], ['d', parentOf('c')], ['e', parentOf('b')]] as const)
      await manifest('app', letter, fields);
    await pull('a', 5);
    expect(await Promise.all(['a', 'c', 'd', 'b', 'e'].map(pulledAt))).toEqual([5, 5, 5, undefined, undefined]);
    await pull('c', 5 + hour);
    expect(await Promise.all(['a', 'c', 'd'].map(pulledAt))).toEqual([5, 5 + hour, 5 + hour]);
  });

  test('a manifest is recorded at most once an hour, and never with an earlier time', async () => {
    await manifest('app', 'a');
    await pull('a', 10 * hour);
    for (const at of [11 * hour - 1, 3 * hour]) await pull('a', at);
    expect(await pulledAt('a')).toBe(10 * hour);
    await pull('a', 11 * hour);
    expect(await pulledAt('a')).toBe(11 * hour);
  });

  test('a pull of a manifest that is gone is passed over', async () => {
    await manifest('app', 'a');
    await pull('b', 5);
    await pull('a', 5, 'elsewhere');
    expect([await pulledAt('a'), await pulledAt('b')]).toEqual([undefined, undefined]);
  });

  test('the start of the recording is kept until the recording begins anew', async () => {
    expect(await store().pulls.findStart()).toBeUndefined();
    await store().pulls.start(7);
    await store().pulls.start(9);
    expect(await store().pulls.findStart()).toBe(7);
    await store().pulls.restart(11);
    expect(await store().pulls.findStart()).toBe(11);
  });
}
