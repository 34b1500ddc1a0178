import type { Deletion } from '../../../storage/metadata/queries/trash/deletions.ts';
import type { NewManifest } from '../../../storage/metadata/queries/manifests.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { newManifest as newManifestRecord } from '../../support/new-manifest.ts';
import { type Plain, plain } from '../../support/plain.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';

/** An empty store. `reopen` gives another one over the same database, as another process would. */
export interface Database {
  readonly store: MetadataStore;
  reopen(): Promise<MetadataStore>;
  /** Marks the schema as one that only a newer berth knows. */
  pretendNewer(): Promise<void>;
  dispose(): Promise<void>;
}

/** The database of the running test, another one for each test. */
export interface CurrentDatabase {
  readonly database: Database;
  readonly store: Plain<MetadataStore>;
}

export const digest = (letter: string) => `sha256:${letter.repeat(64)}` as Digest;
export const content = (letter: string, sizeBytes = 1) => ({ digest: digest(letter), sizeBytes });

export const author = { actor: 'alice', address: '127.0.0.1', at: 2 };
export const deletion = (repository: string, letter: string, fields: Partial<Deletion> = {}): Deletion => ({
  repository: repository as RepositoryName,
  digest: digest(letter),
  windowMilliseconds: 1000,
  reason: '',
  cause: 'delete',
  author,
  ...fields,
});

export const newManifest = (repository: string, letter: string, fields: Partial<NewManifest> = {}): NewManifest =>
  newManifestRecord({ repository: repository as RepositoryName, digest: digest(letter), now: 1, author, ...fields });

/** Returns functions that write to the current store. */
export const writesTo = (current: CurrentDatabase) => ({
  blob: (repository: string, letter: string) => current.store.blobs.commit(repository, digest(letter), 1, 'no upload', 1),
  manifest: (repository: string, letter: string, fields?: Partial<NewManifest>) =>
    current.store.manifests.put(newManifest(repository, letter, fields)),
});

/** Runs `work` thirty times on two stores over one database, as two processes would; which store is `one` alternates. */
export async function race(
  current: CurrentDatabase,
  work: (one: Plain<MetadataStore>, other: Plain<MetadataStore>, repository: string) => Promise<void>,
): Promise<void> {
  const { store } = current;
  const second = plain(await current.database.reopen());
  try {
    for (let round = 0; round < 30; round++) {
      const [one, other] = round % 2 === 0 ? [store, second] : [second, store];
      await work(one, other, `race${round}`);
    }
  } finally {
    await second.close();
  }
}
