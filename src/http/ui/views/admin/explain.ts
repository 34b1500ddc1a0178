import { AdministrationError } from '../../../../access/accounts/administration-error.ts';
import { type RepositoryName, parseRepositoryName } from '../../../../oci/reference.ts';
import { explanationTable } from '../../parts/explanation.ts';
import { type FormState, problemOf, textField } from '../../parts/fields.ts';
import { rejectionOf } from '../../session/rejections.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { type AdminVisit, pathTo, sendAdminView } from './admin-view.ts';

/** Shows what an account may do in a repository, and the rule behind each action: `?account=&repository=`. */
export async function showExplanation(visit: AdminVisit): Promise<void> {
  const { query, texts, explainer } = visit;
  const { explain } = texts.admin;
  const [account, name] = [(query.get('account') ?? '').trim(), (query.get('repository') ?? '').trim()];
  let state: FormState = { form: query };
  let shown: Html | undefined;
  if (account !== '' || name !== '') {
    try {
      const repository = requireRepository(name, texts);
      shown = explanationTable(texts, await explainer.explain(account, repository), repository);
    } catch (error) {
      state = rejectionOf(error, query, { name: 'repository' });
    }
  }
  const content = html`<p class="quiet">${explain.help}</p>
    ${problemOf(state)}
    <form class="filter" method="get" action="${pathTo('explain')}">
      ${textField(state, { name: 'account', label: explain.account, maxLength: 128 })}
      ${textField(state, { name: 'repository', label: explain.repository })}
      <button>${explain.submit}</button>
    </form>
    ${shown}`;
  sendAdminView(visit, 'explain', content);
}

function requireRepository(name: string, { admin }: Texts): RepositoryName {
  const repository = parseRepositoryName(name);
  if (!repository) throw new AdministrationError('invalid', admin.explain.noRepository(name), 'name');
  return repository;
}
