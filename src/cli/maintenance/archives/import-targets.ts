import type { StagedArchive } from '../../../archives/in/plan.ts';
import { type Target, proposeTargets } from '../../../archives/in/targets.ts';
import { type RepositoryName, type Tag, parseNamedReference, parseRepositoryName } from '../../../oci/reference.ts';
import { CommandError, UsageError } from '../../program/command.ts';

/** Where images go, from `--to`. */
export interface Destination {
  readonly repository: RepositoryName | undefined;
  /** For a single image. */
  readonly tag: Tag | undefined;
}

/** Reads `--to`. Throws `UsageError`. */
export function readDestination(option: unknown): Destination {
  if (typeof option !== 'string') return { repository: undefined, tag: undefined };
  const repository = parseRepositoryName(option);
  if (repository) return { repository, tag: undefined };
  const named = parseNamedReference(option);
  if (named?.reference.tag === undefined)
    throw new UsageError(`${option} is neither a repository such as team/app nor an image such as team/app:1.0`);
  return { repository: named.repository, tag: named.reference.tag };
}

/** Returns where each image of the archive goes. Throws `CommandError` for images without a name. */
export function targetsOf({ plan }: StagedArchive, file: string, { repository, tag }: Destination): readonly Target[] {
  if (tag !== undefined && repository) {
    if (plan.images.length === 1) return [{ image: 0, repository, tag }];
    throw new CommandError(`${file} has ${plan.images.length} images: --to needs a repository without a tag`);
  }
  const targets = proposeTargets(plan.images, repository);
  const named = new Set(targets.map(({ image }) => image));
  const unnamed = plan.images.flatMap(({ digest }, at) => (named.has(at) ? [] : [digest]));
  if (unnamed.length > 0)
    throw new CommandError(`${file}: no name for ${unnamed.join(', ')}: import it alone with --to REPOSITORY:TAG`);
  return targets;
}
