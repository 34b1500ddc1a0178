import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { AdministrationError } from './administration-error.ts';

/**
 * Returns the subject of a grant as it is stored: `user:alice` → `account:12`. Throws `AdministrationError` `invalid` for another
 * form, and `unknown` for a name without an account or team.
 */
export async function resolveSubject(metadata: Pick<MetadataStore, 'accounts' | 'teams'>, text: string): Promise<string> {
  if (text === 'authenticated' || text === 'anonymous') return text;
  const colon = text.indexOf(':');
  const [kind, name] = [text.slice(0, Math.max(0, colon)), text.slice(colon + 1)];
  if (kind === 'team') {
    const team = await metadata.teams.find(name);
    if (!team) throw new AdministrationError('unknown', `no team is called ${name}`, 'subject');
    return `team:${team.id}`;
  }
  if (kind !== 'user' && kind !== 'robot') {
    const message = `${text} is none of user:NAME, robot:NAME, team:NAME, authenticated, anonymous`;
    throw new AdministrationError('invalid', message, 'subject');
  }
  const account = await metadata.accounts.findByName(name);
  if (!account) throw new AdministrationError('unknown', `no account is called ${name}`, 'subject');
  if (account.kind !== kind) throw new AdministrationError('unknown', `no ${kind} is called ${name}`, 'subject');
  return `account:${account.id}`;
}
