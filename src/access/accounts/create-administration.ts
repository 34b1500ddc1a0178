import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { createAccountChanges } from './account-changes.ts';
import { reservedNamespaces } from './account-name.ts';
import type { Actor, Administration } from './administration.ts';
import { createChangeContext } from './change-context.ts';
import { createPermissionChanges } from './permission-changes.ts';

/** `now` in milliseconds. `reserved`: first path components that no user owns (see `reservedNamespaces`). */
export function createAdministration(
  metadata: MetadataStore,
  actor: Actor,
  now: () => number,
  reserved: ReadonlySet<string> = reservedNamespaces([]),
): Administration {
  const context = createChangeContext(metadata, actor, now);
  return { ...createAccountChanges(context, reserved), ...createPermissionChanges(context) };
}
