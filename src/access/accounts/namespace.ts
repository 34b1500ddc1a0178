import type { NamespaceObstacle } from '../../../storage/metadata/queries/reads.ts';
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

/** Says whether a user of the name owns a namespace, and what an admin can do if not. */
export function describeNamespace(
  name: string,
  reserved: ReadonlySet<string>,
  obstacle: NamespaceObstacle | undefined,
): NamespaceStatus {
  if (reserved.has(name)) return { note: `${name} does not own ${name}/**: the name is reserved` };
  const own = ownNamespace(name);
  if (!own) return { note: `${name} owns no namespace: its name cannot begin the name of a repository` };
  if (obstacle === undefined) return { namespace: own.pattern.text };
  const way =
    obstacle === 'deleted account'
      ? `berth namespace release ${name}`
      : `berth grant add user:${name} '${own.pattern.text}' push`;
  return { note: `${name} does not own ${own.pattern.text}: ${reasons[obstacle]}. To give it anyway: ${way}` };
}
