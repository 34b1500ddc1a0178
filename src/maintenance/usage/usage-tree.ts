import type { NamespaceUsage, RepositoryUsage } from '../../../storage/metadata/queries/usage/sizes.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { sizeImages } from './image-sizes.ts';

/** A part of the stored bytes. Of one tree, the parts have no byte in common. */
export interface UsagePart {
  readonly kind: 'namespace' | 'repository' | 'image' | 'other';
  /** Name of the namespace or repository; the tags of an image; '' for the rest. */
  readonly name: string;
  readonly bytes: number;
  /** The part of `bytes` that is needed by this part alone. Undefined: it was not computed. */
  readonly ownBytes: number | undefined;
  /** Repositories of a namespace or of the rest; undefined for a repository, an image and the rest of images. */
  readonly repositories?: number;
  /** Of an image. */
  readonly digest?: Digest;
}

/** The parts of one level, the largest first; the rest comes last. Their bytes sum to `bytes`. */
export interface UsageTree {
  /** What was divided: '' for everything, `team-a/` for a namespace, `team-a/app` for a repository. */
  readonly at: string;
  readonly level: 'all' | 'namespace' | 'repository';
  readonly bytes: number;
  readonly parts: readonly UsagePart[];
  /**
   * `once`: content that several parts need counts in one of them. `each`: it counts in each of them, because the repositories
   * have too much content to compare.
   */
  readonly shared: 'once' | 'each';
  /** True if only the first repositories by name were looked at. */
  readonly isPartial: boolean;
}

/** Divides the stored bytes, one level at a time: the cost of a level does not grow with what is stored. */
export interface UsageTrees {
  /** Divides everything by namespace, or a namespace by repository. For visitors who may see all repositories. */
  ofAll(namespace: string): Promise<UsageTree>;
  /**
   * Divides these repositories by namespace, or by repository if `namespace` is not ''. Nothing else is compared with them, so
   * that the figures reveal nothing of other repositories.
   */
  among(repositories: readonly RepositoryName[], namespace: string, isPartial: boolean): Promise<UsageTree>;
  /** Divides a repository by image. */
  ofRepository(repository: RepositoryName): Promise<UsageTree>;
}

/** Parts of a level besides the rest. */
const maxParts = 40;
/** Contents that are compared with each other for a visitor who sees some repositories. */
const maxCompared = 2000;

export function createUsageTrees(metadata: Pick<MetadataStore, 'usageSizes'>): UsageTrees {
  const { usageSizes: sizes } = metadata;

  async function ofNamespaces(): Promise<UsageTree> {
    const total = await sizes.findNamespace('');
    const parts = (await sizes.listNamespaces(maxParts)).map(toNamespacePart);
    return treeOf('', 'all', withRest(parts, total), 'once', false);
  }

  async function ofNamespace(namespace: string): Promise<UsageTree> {
    const total = await sizes.findNamespace(namespace);
    const parts = (await sizes.listLargest(namespace, maxParts)).map(({ repository, heldBytes, ownBytes }) =>
      toRepositoryPart(repository, heldBytes, ownBytes),
    );
    return treeOf(`${namespace}/`, 'namespace', withRest(parts, total), 'once', false);
  }

  /** Returns a part for each repository. Shared content counts once if it can be compared. */
  async function compare(usages: readonly RepositoryUsage[]): Promise<{ parts: readonly UsagePart[]; shared: 'once' | 'each' }> {
    const contents = usages.reduce((sum, usage) => sum + usage.contents, 0);
    if (contents > maxCompared)
      return { parts: usages.map(({ repository, bytes }) => toRepositoryPart(repository, bytes, undefined)), shared: 'each' };
    const found = usages.length === 0 ? [] : await sizes.sumAmong(usages.map(({ repositoryId }) => repositoryId));
    const parts = usages.map(({ repository, repositoryId }) => {
      const held = found.filter((one) => one.repositoryId === repositoryId);
      const sum = held.reduce((bytes, one) => bytes + one.bytes, 0);
      return toRepositoryPart(repository, sum, held.find(({ isOwn }) => isOwn)?.bytes ?? 0);
    });
    return { parts, shared: 'once' };
  }

  return {
    ofAll: (namespace) => (namespace === '' ? ofNamespaces() : ofNamespace(namespace)),

    async among(repositories, namespace, isPartial) {
      const usages = await sizes.listNamed(repositories);
      const { parts, shared } = await compare(usages);
      if (namespace !== '') return treeOf(`${namespace}/`, 'namespace', limited(parts), shared, isPartial);
      return treeOf('', 'all', limited(byNamespace(parts)), shared, isPartial);
    },

    async ofRepository(repository) {
      const [usage] = await sizes.listNamed([repository]);
      if (!usage) return treeOf(repository, 'repository', [], 'once', false);
      const images = await sizeImages(sizes, usage.repositoryId, maxParts);
      const parts = images.map(({ tags, digest, ownBytes }): UsagePart => {
        return { kind: 'image', name: tags.join(', '), bytes: ownBytes, ownBytes, digest };
      });
      const rest = usage.bytes - sumOf(parts);
      const other: UsagePart = { kind: 'other', name: '', bytes: rest, ownBytes: undefined };
      return treeOf(repository, 'repository', [...descending(parts), ...(rest > 0 ? [other] : [])], 'once', false);
    },
  };
}

function treeOf(
  at: string,
  level: UsageTree['level'],
  parts: readonly UsagePart[],
  shared: UsageTree['shared'],
  isPartial: boolean,
): UsageTree {
  return { at, level, bytes: sumOf(parts), parts, shared, isPartial };
}

function toNamespacePart({ namespace, heldBytes, ownBytes, repositories }: NamespaceUsage): UsagePart {
  return { kind: 'namespace', name: namespace, bytes: heldBytes, ownBytes, repositories };
}

function toRepositoryPart(name: string, bytes: number, ownBytes: number | undefined): UsagePart {
  return { kind: 'repository', name, bytes, ownBytes };
}

/** Appends what the parts do not have of the total. */
function withRest(parts: readonly UsagePart[], total: NamespaceUsage | undefined): readonly UsagePart[] {
  const listed = parts.reduce((sum, { repositories = 1 }) => sum + repositories, 0);
  const repositories = (total?.repositories ?? 0) - listed;
  if (repositories <= 0) return parts;
  const bytes = (total?.heldBytes ?? 0) - sumOf(parts);
  const own = (total?.ownBytes ?? 0) - parts.reduce((sum, { ownBytes = 0 }) => sum + ownBytes, 0);
  // A repository may be counted between the two reads.
  return [...parts, { kind: 'other', name: '', bytes: Math.max(0, bytes), ownBytes: Math.max(0, own), repositories }];
}

/** Keeps the largest parts, and sums the others. */
function limited(parts: readonly UsagePart[]): readonly UsagePart[] {
  const sorted = descending(parts);
  const others = sorted.slice(maxParts);
  if (others.length === 0) return sorted;
  return [...sorted.slice(0, maxParts), { ...sumParts(others), kind: 'other', name: '' }];
}

function byNamespace(parts: readonly UsagePart[]): readonly UsagePart[] {
  const groups = Map.groupBy(parts, ({ name }) => name.split('/', 1)[0] ?? '');
  return [...groups].map(([name, group]) => ({ ...sumParts(group), kind: 'namespace', name }));
}

function sumParts(parts: readonly UsagePart[]): Pick<UsagePart, 'bytes' | 'ownBytes' | 'repositories'> {
  const isCompared = parts.every(({ ownBytes }) => ownBytes !== undefined);
  return {
    bytes: sumOf(parts),
    ownBytes: isCompared ? parts.reduce((sum, { ownBytes = 0 }) => sum + ownBytes, 0) : undefined,
    repositories: parts.reduce((sum, { repositories = 1 }) => sum + repositories, 0),
  };
}

function descending(parts: readonly UsagePart[]): readonly UsagePart[] {
  return parts.toSorted((one, other) => other.bytes - one.bytes);
}

function sumOf(parts: readonly UsagePart[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}
