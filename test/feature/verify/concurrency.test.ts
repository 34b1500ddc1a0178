import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createTrash } from '../../../src/content/trash.ts';
import { createCollector } from '../../../src/maintenance/collect/collector.ts';
import { compareStore } from '../../../src/maintenance/verify/compare-store.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { call } from '../../support/call.ts';
import { digestOf, pushBlob } from '../../support/images.ts';
import { type VerifiedRegistry, atOnce, openVerifiedRegistry } from '../../support/verification.ts';

const rounds = 40;
const texts = ['one', 'two', 'three', 'four'];
const author = { actor: '', address: '', at: 1 };

let registry: VerifiedRegistry;
beforeEach(async () => {
  registry = await openVerifiedRegistry();
});
afterEach(() => registry.close());

test('pushes, deletions, the collector and verifications run beside each other, and nothing right is called corrupt', async () => {
  const { driver, metadata, server } = registry;
  await metadata.collectionState.configure(0, null);
  const collector = createCollector({
    driver,
    metadata,
    trash: createTrash({ driver, metadata, now: Date.now }),
    now: Date.now,
    maxPerSecond: 100_000,
    trashWindowMs: 0,
    events: { purged: () => undefined, trashed: () => undefined, failed: () => undefined },
  });
  let isOver = false;
  const pushing = texts.map(async (text) => {
    for (let round = 0; round < rounds; round++) {
      const digest = await pushBlob(server, 'app', text);
      if (round % 2 === 0) await metadata.blobs.unlink('app' as never, digest, author);
    }
  });
  const again = async (work: () => Promise<unknown>) => {
    while (!isOver) await work();
  };
  const findings: unknown[] = [];
  const verifier = registry.verifier();
  const background = [
    again(() => collector.run()),
    again(async () => {
      const { corrupt, unreadable } = await verifier.check(await registry.contents(), 'deep', atOnce);
      findings.push(...corrupt, ...unreadable);
    }),
    again(async () => {
      const options = { driver, metadata, now: Date.now, graceMilliseconds: 0 };
      for await (const found of compareStore(options)) if (found.kind !== 'orphan') findings.push(found);
    }),
  ];
  await Promise.all(pushing).finally(() => (isOver = true));
  await Promise.all(background);
  expect(findings).toEqual([]);
  for (const text of texts) {
    const digest: Digest = await pushBlob(server, 'app', text);
    expect((await call(server, 'GET', `/v2/app/blobs/${digestOf(text)}`)).body.toString()).toBe(text);
    expect(digest).toBe(digestOf(text));
  }
});
