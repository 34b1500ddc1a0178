import { OciError } from '../../oci/errors.ts';
import type { Action } from '../../access/permissions/action.ts';
import type { AccessControl } from './access-control.ts';

const openActions = ['pull', 'push', 'delete'] as const;

/** An action that mode open can allow every client. */
export type OpenAction = (typeof openActions)[number];

/** Returns `control` without the actions that are not in `allowed`. The message of a refusal names the setting. */
export function createLimitedAccess(control: AccessControl, allowed: readonly OpenAction[]): AccessControl {
  if (openActions.every((action) => allowed.includes(action))) return control;
  const named = (action: Action) => (action === 'add' ? 'push' : action);
  const isAllowed = (action: Action) => allowed.some((one) => one === named(action));

  function require(action: Action): void {
    if (isAllowed(action)) return;
    const message = `${named(action)} is not allowed here: access.openActions is ${allowed.join(', ')}`;
    throw new OciError('DENIED', { message });
  }

  return {
    ...control,
    async check(request, need) {
      require(need.action);
      return control.check(request, need);
    },
    async allows(subject, action, repository) {
      return isAllowed(action) && control.allows(subject, action, repository);
    },
    async checkList(request) {
      require('pull');
      return control.checkList(request);
    },
    seesAll: (subject) => isAllowed('pull') && control.seesAll(subject),
    visible: (subject, after) => (isAllowed('pull') ? control.visible(subject, after) : none()),
  };
}

async function* none(): AsyncGenerator<never> {}
