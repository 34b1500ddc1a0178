import type { MetadataStore } from '../../storage/metadata/store.ts';
import { OciError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/reference.ts';

/** What people have written about a repository. */
export interface RepositoryTexts {
  /** One line; '' if there is none. */
  readonly description: string;
  /** Markdown; '' if there is none. */
  readonly readme: string;
  /** Milliseconds since 1970; undefined if nobody has written them. */
  readonly updatedAt: number | undefined;
  readonly updatedBy: string | undefined;
}

/** The limits, in characters and in bytes of UTF-8. */
export const maxDescriptionLength = 300;
export const maxReadmeBytes = 64 * 1024;

/** The description and the README of repositories. The caller has checked the permission. */
export interface TextService {
  find(repository: RepositoryName): Promise<RepositoryTexts>;
  /**
   * Changes the texts that are given, with a line in the audit log. Throws NAME_UNKNOWN for an unknown repository, SIZE_INVALID
   * for a text over its limit.
   */
  change(
    repository: RepositoryName,
    texts: { readonly description?: string | undefined; readonly readme?: string | undefined },
    author: { readonly actor: string; readonly address: string; readonly requestId?: string | undefined },
  ): Promise<void>;
}

/** `now`: milliseconds since 1970. */
export function createTextService(
  metadata: Pick<MetadataStore, 'repositories' | 'repositoryTexts'>,
  now: () => number,
): TextService {
  async function find(repository: RepositoryName): Promise<RepositoryTexts> {
    const found = await metadata.repositoryTexts.find(repository);
    return found ?? { description: '', readme: '', updatedAt: undefined, updatedBy: undefined };
  }

  return {
    find,
    async change(repository, texts, author) {
      if (!(await metadata.repositories.exists(repository))) throw new OciError('NAME_UNKNOWN', { detail: { name: repository } });
      const before = await find(repository);
      const description = (texts.description ?? before.description).replaceAll(/\s+/g, ' ').trim();
      const readme = texts.readme ?? before.readme;
      if (description.length > maxDescriptionLength)
        throw tooLong(`a description has at most ${maxDescriptionLength} characters`);
      if (Buffer.byteLength(readme) > maxReadmeBytes) throw tooLong(`a README has at most ${maxReadmeBytes / 1024} KiB`);
      const at = now();
      const event = { ...author, at, action: 'repository.describe', target: repository, result: 'done' } as const;
      await metadata.repositoryTexts.put(repository, { description, readme, updatedAt: at, updatedBy: author.actor }, event);
    },
  };
}

function tooLong(message: string): OciError {
  return new OciError('SIZE_INVALID', { message });
}
