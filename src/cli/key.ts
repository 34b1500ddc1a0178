import { createRightsVersion } from '../access/permissions/rights-version.ts';
import { createSigningKeys } from '../access/tokens/signing-keys.ts';
import { type Administrating, administrating } from './admin-command.ts';
import type { Command } from './command.ts';

/** `berth key …`: the keys that sign bearer tokens. */
export const keyCommands: readonly Command[] = [
  administrating('key rotate', '', 'sign with a new key from now on; nobody is logged out', rotate),
];

async function rotate({ metadata, config }: Administrating): Promise<void> {
  const tokenMilliseconds = config().access.tokenLifetime * 1000;
  const keys = createSigningKeys({
    metadata,
    rightsVersion: createRightsVersion(metadata, Date.now),
    now: Date.now,
    tokenMilliseconds,
  });
  await keys.rotate({ name: 'command line', address: '' });
}
