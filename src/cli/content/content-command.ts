import { readDeletion } from '../../assembly/maintenance/deletion-settings.ts';
import { openAdmission } from '../../assembly/maintenance/quotas.ts';
import { openMetadata } from '../../assembly/metadata-store.ts';
import { type NamedReference, parseNamedReference } from '../../oci/reference.ts';
import type { Author } from '../../registry/author.ts';
import { type DeletionServices, createDeletionServices } from '../../registry/deletion-services.ts';
import { deletableKinds } from '../../registry/deletions.ts';
import { locateMetadata } from '../accounts/admin-command.ts';
import { type Invocation, type Run, UsageError } from '../program/command.ts';
import { toCommandError } from '../program/registry-error.ts';

/** The invocation of a command that works on content, with its services. */
export interface ContentInvocation extends Invocation, DeletionServices {
  readonly author: Author;
}

/** Commands check no rights, and `delete` of the configuration does not limit them: their caller can change both. */
const author: Author = { actor: 'command line', address: '' };

/**
 * Makes a command of `run`: opens the metadata store, also beside a running server, which sees changes at once, and closes it
 * afterwards. Rejects with `CommandError` if there is no store or the change is refused.
 */
export function contentCommand(run: (invocation: ContentInvocation) => Promise<unknown>): Run {
  return async (invocation) => {
    const config = invocation.config();
    const { deletion, ...settings } = readDeletion(config);
    invocation.warn(`using the data in ${locateMetadata(config)}`);
    const metadata = await openMetadata(config);
    const windowSeconds = deletion?.windowSeconds ?? 0;
    const services = createDeletionServices({
      ...settings,
      metadata,
      now: Date.now,
      admission: openAdmission(config, metadata),
      deletion: { kinds: deletableKinds, windowSeconds },
    });
    try {
      await run({ ...invocation, ...services, author });
    } catch (error) {
      throw toCommandError(error);
    } finally {
      await metadata.close();
    }
  };
}

/** Parses `REPOSITORY:TAG` or `REPOSITORY@DIGEST`. Throws `UsageError`. */
export function readReference(text: string): NamedReference {
  const parsed = parseNamedReference(text);
  if (!parsed) throw new UsageError(`${text} is not a reference such as team/app:1.0 or team/app@sha256:…`);
  return parsed;
}

/** Reads the id of an entry of the trash. Throws `UsageError`. */
export function readEntryId(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${text} is not the id of an entry: see berth trash list`);
  return Number(text);
}
