import { createRightsVersion } from '../../access/permissions/rights-version.ts';
import { createSigningKeys } from '../../access/tokens/signing-keys.ts';
import { adminCommand } from './admin-command.ts';

/** `berth key rotate` */
export const rotateKey = adminCommand(async ({ metadata, config }) => {
  const keys = createSigningKeys({
    metadata,
    rightsVersion: createRightsVersion(metadata, Date.now),
    now: Date.now,
    tokenMilliseconds: config().access.tokenLifetime * 1000,
  });
  await keys.rotate({ name: 'command line', address: '' });
});
