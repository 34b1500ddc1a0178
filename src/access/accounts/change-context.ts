import type { AuditEvent } from '../../../storage/metadata/queries/steps/events.ts';
import type { AccountRecord } from '../../../storage/metadata/queries/accounts.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Actor } from './administration.ts';
import { AdministrationError } from './administration-error.ts';

/** Shared by all changes of accounts and permissions. */
export interface ChangeContext {
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Returns the audit line of a change by the actor. */
  event(action: string, target: string, detail?: object): AuditEvent;
  /** Finds a user or robot. Throws `unknown`. */
  accountNamed(name: string): Promise<AccountRecord>;
}

export function createChangeContext(metadata: MetadataStore, actor: Actor, now: () => number): ChangeContext {
  return {
    metadata,
    now,
    event: (action, target, detail) => ({
      at: now(),
      actor: actor.name,
      address: actor.address,
      action,
      target,
      result: 'done',
      requestId: actor.requestId,
      ...(detail ? { detail: JSON.stringify(detail) } : {}),
    }),
    async accountNamed(name) {
      const account = await metadata.accounts.findByName(name);
      if (!account) throw new AdministrationError('unknown', `no account is called ${name}`, 'account');
      return account;
    },
  };
}
