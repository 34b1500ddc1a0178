import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { RepositoryName } from '../oci/reference.ts';

export interface FoundRepository {
  readonly name: RepositoryName;
  /** What the image's author says of it (`org.opencontainers.image.description`). */
  readonly description: string;
  /** One of Docker Hub's own images. */
  readonly isOfficial: boolean;
}

/** Repositories by what their names hold. */
export interface Search {
  /** At most `limit`, best first. `visible`: the names that may be found; undefined: all that there are. */
  find(term: string, limit: number, visible: AsyncIterable<RepositoryName> | undefined): Promise<readonly FoundRepository[]>;
}

/** More than this is not looked at: nobody reads on, and a search must not hold up pulls. */
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

/** Exactly the term first, then what begins with it, own before mirrored, then by name. */
function byRank(term: string) {
  const rank = (name: string): number => {
    const last = name.slice(name.lastIndexOf('/') + 1);
    const byName = name === term || last === term ? 0 : last.startsWith(term) ? 1 : 2;
    const isMirrored = name.slice(0, name.indexOf('/')).includes('.');
    return byName * 2 + (isMirrored ? 1 : 0);
  };
  return (one: string, other: string): number => rank(one) - rank(other) || (one < other ? -1 : 1);
}
