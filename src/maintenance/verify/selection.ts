import type { ContentToCheck } from '../../../storage/metadata/queries/verification/checks.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import { type Pattern, matches } from '../../oci/patterns/repository-pattern.ts';
import type { RepositoryName } from '../../oci/reference.ts';

/** Walks through the content to verify, page by page: all of it, or that of some repositories. */
export interface Selection {
  /** Returns the content behind the position. `next`: undefined after the last page. */
  page(position: Position): Promise<{ readonly contents: readonly ContentToCheck[]; readonly next: Position | undefined }>;
  /** Counts the contents and their bytes. Reads all rows: for commands. */
  measure(): Promise<{ readonly contents: number; readonly bytes: number }>;
}

/** The last content that was verified. Plain data, so that it can be stored. */
export interface Position {
  /** The repository; '' before the first one. Unused if all content is verified. */
  readonly repository: RepositoryName | '';
  readonly digest: Digest | '';
}

export const start: Position = { repository: '', digest: '' };

const pageContents = 64;
const pageRepositories = 1000;

export interface SelectionOptions {
  readonly metadata: Pick<MetadataStore, 'contentChecks' | 'repositories'>;
  /** Undefined: all content. Content of several repositories comes once for each. */
  readonly repositories: Pattern | undefined;
}

export function createSelection({ metadata, repositories }: SelectionOptions): Selection {
  async function pageOfAll({ digest }: Position) {
    const contents = await metadata.contentChecks.list(digest, pageContents);
    const last = contents.length === pageContents ? contents.at(-1) : undefined;
    return { contents, next: last && { repository: '' as const, digest: last.digest } };
  }

  async function pageOfRepositories(pattern: Pattern, { repository, digest }: Position) {
    if (repository !== '' && matches(pattern, repository)) {
      const contents = await metadata.contentChecks.listOfRepository(repository, digest, pageContents);
      const last = contents.at(-1);
      if (last) return { contents, next: { repository, digest: last.digest } };
    }
    const names = await metadata.repositories.list(repository, pageRepositories);
    const name = names.find((one) => matches(pattern, one)) ?? (names.length === pageRepositories ? names.at(-1) : undefined);
    return { contents: [], next: name && { repository: name, digest: '' as const } };
  }

  const page = (position: Position) => (repositories ? pageOfRepositories(repositories, position) : pageOfAll(position));

  return {
    page,
    async measure() {
      if (!repositories) return metadata.contentChecks.count();
      let [contents, bytes] = [0, 0];
      for (let position: Position | undefined = start; position;) {
        const { contents: found, next }: Awaited<ReturnType<Selection['page']>> = await page(position);
        contents += found.length;
        bytes += found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        position = next;
      }
      return { contents, bytes };
    },
  };
}

/** Largest content of a batch in bytes: results are recorded at least that often. */
const batchBytes = 64 * 1024 * 1024;

/** Yields the contents in batches that are read in a moment, so that little is read again after a restart. */
export function* inBatches(contents: readonly ContentToCheck[]): Generator<readonly ContentToCheck[]> {
  let batch: ContentToCheck[] = [];
  let bytes = 0;
  for (const content of contents) {
    batch.push(content);
    bytes += content.sizeBytes;
    if (bytes < batchBytes) continue;
    yield batch;
    [batch, bytes] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}
