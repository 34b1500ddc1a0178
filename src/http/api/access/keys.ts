import type { AccountContext } from '../table/route.ts';

/** Makes a new key that signs bearer tokens; tokens of the old key stay valid until they expire. */
export async function rotateKeys(_input: unknown, { signingKeys, principal: { name }, address }: AccountContext) {
  await signingKeys.rotate({ name, address });
}
