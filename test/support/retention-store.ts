import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { openMetadata } from '../../src/assembly/metadata-store.ts';
import { createRetentionOverview } from '../../src/maintenance/retention/overview.ts';
import { type RetentionOptions, createRetention } from '../../src/maintenance/retention/retention.ts';
import type { RepositoryName } from '../../src/oci/reference.ts';
import type { NewManifest } from '../../storage/metadata/queries/manifests.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { digestOf } from './images.ts';
import { createMetadata } from './metadata.ts';
import { newManifest } from './new-manifest.ts';
import { type TestRule, day, noon, rulesOf } from './retention.ts';
import { wrapOperations } from './wrapped-metadata.ts';

/** Retention over an empty store, with a clock that tests set. */
export interface RetentionStore {
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  now: number;
  /** How far the clock of the store is ahead, in milliseconds. */
  storeAhead: number;
  /** Ids of the operations since the last call. */
  takeCalls(): readonly string[];
  /** What the log would say, since the last call. */
  takeMessages(): readonly string[];
  /** Makes retention with these rules: a process that has just started. */
  start(rules: readonly TestRule[], options?: Partial<RetentionOptions> & { protect?: string[] }): RunningRetention;
  /** Points tags at a manifest with the digest of `image`, pushed now. */
  push(repository: string, image: string, tags: readonly string[], fields?: Partial<NewManifest>): Promise<void>;
  tags(repository: string): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

export interface RunningRetention extends ReturnType<typeof createRetention>, ReturnType<typeof createRetentionOverview> {
  /** Runs now, and every hour until so many days are over; every six hours of more than two days. */
  runFor(days: number): Promise<void>;
}

const hour = 3_600_000;

export async function openRetentionStore(): Promise<RetentionStore> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-retention-'));
  const database = await createMetadata();
  const environment = { BERTH_STORAGE_BLOBS_DIRECTORY: directory, ...database.settings };
  const opened = await openMetadata(loadConfig({ environment }));
  let calls: string[] = [];
  const metadata = wrapOperations(opened, (operation, id) => (...args) => {
    calls.push(id);
    return operation(...args);
  });
  let messages: string[] = [];
  const author = () => ({ actor: 'alice', address: '', at: store.now });
  const store: RetentionStore = {
    metadata,
    now: noon,
    storeAhead: 0,
    takeCalls: () => calls.splice(0),
    takeMessages: () => messages.splice(0),

    start(rules, { protect = [], ...options } = {}) {
      const retention = createRetention({
        metadata,
        imageTimes: { createdAt: () => Promise.resolve(undefined) },
        rules: rulesOf(rules, { protect }),
        ignoredAccounts: [],
        schedule: { kind: 'interval', milliseconds: hour },
        noticeMilliseconds: day,
        brake: { tags: 1000, percent: 100 },
        windowMilliseconds: 7 * day,
        now: () => store.now,
        storeNow: () => Promise.resolve(store.now + store.storeAhead),
        events: {
          expired: () => undefined,
          setWaiting: () => undefined,
          planWaits: ({ id, items, reason }) => messages.push(`plan ${id} with ${items} waits: ${reason}`),
          noticesRestarted: (reason) => messages.push(`notices restart: ${reason}`),
        },
        ...options,
      });
      return {
        ...retention,
        ...createRetentionOverview(metadata, retention, () => store.now),
        async runFor(days) {
          const end = store.now + days * day;
          const step = days > 2 ? 6 * hour : hour;
          for (; store.now < end; store.now = Math.min(end, store.now + step)) await retention.run();
          await retention.run();
        },
      };
    },

    async push(repository, image, tags, fields = {}) {
      const required = { repository: repository as RepositoryName, digest: digestOf(image), now: store.now, author: author() };
      await metadata.manifests.put(newManifest({ ...required, tags, ...fields }));
    },

    tags: (repository) => metadata.tags.list(repository as RepositoryName, '', 1000),

    async dispose() {
      await opened.close();
      await database.dispose();
      await rm(directory, { recursive: true });
    },
  };
  await opened.pulls.start(0);
  calls = [];
  messages = [];
  return store;
}
