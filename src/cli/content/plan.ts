import { type Digest, parseDigest } from '../../oci/digest.ts';
import { type RepositoryName, parseRepositoryName } from '../../oci/reference.ts';
import { CommandError } from '../program/command.ts';

/** One image and everything that is deleted with it. */
export interface PlannedDeletion {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly manifests: readonly Digest[];
  readonly tags: readonly { readonly name: string; readonly digest: Digest }[];
  readonly freedBytes: number;
}

/** What `berth trash put --dry-run --json` prints and `--plan` executes. */
export interface Plan {
  readonly deletions: readonly PlannedDeletion[];
}

/** Parses a plan. Throws `CommandError` for another document. */
export function parsePlan(text: string): Plan {
  const plan = parseJson(text);
  const deletions: unknown = isObject(plan) ? plan['deletions'] : undefined;
  if (!Array.isArray(deletions) || !deletions.every(isPlannedDeletion)) throw notAPlan();
  return { deletions };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw notAPlan();
  }
}

function notAPlan(): CommandError {
  return new CommandError('the file is not a plan: make one with berth trash put --dry-run --json');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isPlannedDeletion(value: unknown): value is PlannedDeletion {
  if (!isObject(value)) return false;
  const { repository, digest, manifests, tags } = value;
  return (
    typeof repository === 'string' &&
    parseRepositoryName(repository) !== undefined &&
    isDigest(digest) &&
    Array.isArray(manifests) &&
    manifests.every(isDigest) &&
    Array.isArray(tags) &&
    tags.every((tag) => isObject(tag) && typeof tag['name'] === 'string' && isDigest(tag['digest']))
  );
}

function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && parseDigest(value) !== undefined;
}
