import { type RepositoryName, type Tag, parseRepositoryName, parseTag } from '../../oci/reference.ts';
import type { PlannedImage } from './plan.ts';

/** Where an image of an archive goes. */
export interface Target {
  /** Position of the image in the archive, from 0. */
  readonly image: number;
  readonly repository: RepositoryName;
  readonly tag: Tag;
}

/** The tag that crane writes for an image that it pulled by digest. */
const craneNoTag = 'i-was-a-digest';

interface ParsedName {
  /** Without the host; undefined where the archive names only a tag. */
  readonly repository: RepositoryName | undefined;
  readonly tag: Tag | undefined;
}

/** Parses a name of an archive: `registry.example.com/team/app:1.2`, `team/app:1.2` or `1.2`. */
export function parseArchiveName(text: string): ParsedName {
  const [, withHost = '', tagText] = /^([^@]*?)(?::([^:/@]+))?(?:@.*)?$/.exec(text) ?? [];
  const isTagOnly = tagText === undefined && !withHost.includes('/');
  if (isTagOnly) return { repository: undefined, tag: parseTag(withHost) };
  const slash = withHost.indexOf('/');
  const hasHost = slash > 0 && /[.:]|^localhost$/.test(withHost.slice(0, slash));
  return {
    repository: parseRepositoryName(hasHost ? withHost.slice(slash + 1) : withHost),
    tag: tagText === undefined || tagText === craneNoTag ? undefined : parseTag(tagText),
  };
}

/**
 * Proposes targets for the names of the images. `into`: the repository for all images, if they have one name in the archive;
 * images with different names go below it, by the last part of their names. Without `into` the names of the archive are
 * kept, without host. An image without a usable name gets no target, unless it is the only one: then `into:latest`.
 */
export function proposeTargets(images: readonly PlannedImage[], into: RepositoryName | undefined): readonly Target[] {
  const named = images.flatMap((image, at) => image.names.map((name) => ({ image: at, ...parseArchiveName(name) })));
  const repositories = new Set(named.flatMap(({ repository }) => repository ?? []));
  const place = (repository: RepositoryName | undefined): RepositoryName | undefined => {
    if (!into) return repository;
    if (repositories.size <= 1 || !repository) return into;
    return parseRepositoryName(`${into}/${repository.slice(repository.lastIndexOf('/') + 1)}`);
  };
  const targets = named.flatMap(({ image, repository, tag }) => {
    const to = place(repository);
    return to && tag ? [{ image, repository: to, tag }] : [];
  });
  if (targets.length === 0 && images.length === 1 && into) return [{ image: 0, repository: into, tag: 'latest' as Tag }];
  return withoutCollisions(targets);
}

/** Leaves out targets of different images with the same name: the caller has to choose. */
function withoutCollisions(targets: readonly Target[]): readonly Target[] {
  const keyOf = ({ repository, tag }: Target) => `${repository}:${tag}`;
  const images = new Map<string, Set<number>>();
  for (const target of targets) images.set(keyOf(target), (images.get(keyOf(target)) ?? new Set()).add(target.image));
  return targets.filter((target) => images.get(keyOf(target))?.size === 1);
}
