import type { NamespaceObstacle } from '../../../storage/metadata/queries/namespaces.ts';
import { ownNamespace } from './account-name.ts';
import type { NamespaceStatus } from './administration.ts';

/** True if a user of this name may own the repositories below it. */
export function canOwnNamespace(name: string, reserved: ReadonlySet<string>): boolean {
  return !reserved.has(name) && ownNamespace(name) !== undefined;
}

const reasons: Readonly<Record<NamespaceObstacle, string>> = {
  'deleted account': 'it belonged to a deleted account',
  repositories: 'it holds repositories already',
  grants: 'grants to others name it',
  visibility: 'visibility rules name it',
};

/** Returns why a user of the name does not own the repositories below it; undefined if the user owns them. */
export function namespaceProblem(
  name: string,
  reserved: ReadonlySet<string>,
  obstacle: NamespaceObstacle | undefined,
): string | undefined {
  if (reserved.has(name)) return `${name} does not own ${name}/**: the name is reserved`;
  const own = ownNamespace(name);
  if (!own) return `${name} owns no namespace: its name cannot begin the name of a repository`;
  return obstacle && `${name} does not own ${own.pattern.text}: ${reasons[obstacle]}`;
}

/** Returns the namespace that a user of the name owns, or why there is none and what an admin can do about it. */
export function describeNamespace(
  name: string,
  reserved: ReadonlySet<string>,
  obstacle: NamespaceObstacle | undefined,
): NamespaceStatus {
  const note = namespaceProblem(name, reserved, obstacle);
  const namespace = `${name}/**`;
  if (note === undefined) return { namespace };
  if (!canOwnNamespace(name, reserved) || obstacle === undefined) return { note };
  const command =
    obstacle === 'deleted account' ? `berth namespace release ${name}` : `berth grant add user:${name} '${namespace}' push`;
  return { note: `${note}. To give it anyway: ${command}` };
}
