import { expect, test } from '@jest/globals';
import { type CurrentDatabase, race } from './fixtures.ts';

/** Tests the accounts of subjects of an identity provider. */
export function testAccounts(current: CurrentDatabase): void {
  test('concurrent logins of one subject in two processes make one account, whose name no other subject gets', () =>
    race(current, async (one, other, name) => {
      const event = { at: 1, actor: name, address: '', action: 'user.create', target: name, result: 'done' } as const;
      const created = await Promise.all(
        [one, other, one, other].map((store) => store.accounts.createForSubject(name, 'issuer', `s-${name}`, event)),
      );
      const ids = created.map((account) => account?.id);
      const account = await one.accounts.findByName(name);
      expect([new Set(ids).size, ids[0]]).toEqual([1, account?.id]);
      expect(await other.accounts.createForSubject(name, 'issuer', 'another', event)).toBeUndefined();
      expect(await other.accounts.createForSubject(name, 'another issuer', `s-${name}`, event)).toBeUndefined();
    }));

  test('the deletion of an account deletes its subject', async () => {
    const event = { at: 1, actor: 'a', address: '', action: 'user.create', target: 'a', result: 'done' } as const;
    const { id = 0 } = (await current.store.accounts.createForSubject('a', 'issuer', 'subject', event)) ?? {};
    expect(await current.store.accounts.findBySubject('issuer', 'subject')).toBe(id);
    await current.store.accounts.remove(id, { ...event, action: 'account.delete' });
    expect(await current.store.accounts.findBySubject('issuer', 'subject')).toBeUndefined();
  });
}
