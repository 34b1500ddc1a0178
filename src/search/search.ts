import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { RepositoryName } from '../oci/reference.ts';

/** A repository in the result of a search. */
export interface FoundRepository {
  readonly name: RepositoryName;
  /** The annotation `org.opencontainers.image.description` of its latest image; '' if there is none. */
  readonly description: string;
  /** True for the official images of Docker Hub. */
  readonly isOfficial: boolean;
}

/** Finds repositories by a part of their names. */
export interface Search {
  /** Returns at most `limit` repositories, the best match first. `visible`: the names to search; undefined: all names. */
  find(term: string, limit: number, visible: AsyncIterable<RepositoryName> | undefined): Promise<readonly FoundRepository[]>;
}

/** Largest number of matching names that a search ranks: it must not slow down pulls. */
const maxCandidates = 2000;
const longestDescription = 300;

export function createSearch(metadata: MetadataStore): Search {
  async function candidates(
    term: string,
    visible: AsyncIterable<RepositoryName> | undefined,
  ): Promise<readonly RepositoryName[]> {
    if (!visible) return metadata.repositories.search(term, maxCandidates);
    const names: RepositoryName[] = [];
    for await (const name of visible) {
      if (name.includes(term)) names.push(name);
      if (names.length === maxCandidates) break;
    }
    return names;
  }

  async function describe(name: RepositoryName): Promise<FoundRepository> {
    const annotations = (await metadata.manifests.findAnnotations(name))?.annotations;
    const fields = annotations ? (JSON.parse(annotations) as Readonly<Record<string, string>>) : {};
    const description = fields['org.opencontainers.image.description'] ?? '';
    return {
      name,
      description: description.replaceAll(/\s+/g, ' ').slice(0, longestDescription),
      isOfficial: name.startsWith('docker.io/library/'),
    };
  }

  return {
    async find(term, limit, visible) {
      const wanted = term.trim().toLowerCase().slice(0, 255);
      const names = [...(await candidates(wanted, visible))].sort(byRank(wanted)).slice(0, limit);
      return Promise.all(names.map(describe));
    },
  };
}

/** Compares names: first those that equal the term, then those that begin with it, pushed before mirrored, then by name. */
function byRank(term: string) {
  const rank = (name: string): number => {
    const last = name.slice(name.lastIndexOf('/') + 1);
    const byName = name === term || last === term ? 0 : last.startsWith(term) ? 1 : 2;
    const isMirrored = name.slice(0, name.indexOf('/')).includes('.');
    return byName * 2 + (isMirrored ? 1 : 0);
  };
  return (one: string, other: string): number => rank(one) - rank(other) || (one < other ? -1 : 1);
}
