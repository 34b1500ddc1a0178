import { maxReadmeBytes } from '../../../../catalog/repository-texts.ts';
import { OciError } from '../../../../oci/errors.ts';
import { type FormState, choice, emptyForm, problemOf } from '../../parts/fields.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import { accountsOf } from './access.ts';
import { type RepositoryVisit, goTo, sendRepositoryView } from './repository-view.ts';
import { textsForm } from './texts-form.ts';

/** Shows the description and the README, who may pull without a grant, and the configured rules about tags. */
export async function showSettings(visit: RepositoryVisit, state: FormState = emptyForm): Promise<void> {
  const { repository, texts, services } = visit;
  const { settings } = texts;
  const { visibility } = await accountsOf(visit).explainer.rulesOf(repository, { after: 0, limit: 1 });
  const own =
    visibility.pattern === repository ? (visibility.isPublic || visibility.isHiddenByUpstream ? 'public' : 'private') : 'default';
  const rules = services.tagRules(repository);
  const reason = visibility.pattern === undefined ? settings.noRule : settings.byRule(visibility.pattern);
  const content = html`${problemOf(state)} ${await textsForm(visit, state)}
    <h2>${settings.visibility}</h2>
    <p>
      <span class="chip">${visibility.isPublic ? settings.public : settings.private}</span>
      ${visibility.isHiddenByUpstream ? settings.hiddenByUpstream : reason}
    </p>
    <form class="filter" method="post" action="/ui/r/${repository}/-/settings/visibility">
      ${choice(
        emptyForm,
        'visibility',
        settings.change,
        [
          ['default', settings.choices.default],
          ['private', settings.choices.private],
          ['public', settings.choices.public],
        ],
        own,
      )}
      <button>${settings.save}</button>
    </form>
    <h2>${settings.tagRules}</h2>
    <p class="quiet">${settings.tagRulesHelp}</p>
    ${ruleTable(visit, [
      ...rules.immutable.map((text): Line => [text, settings.immutable]),
      ...rules.protected.map((text): Line => [text, settings.protected]),
      ...rules.retention.map(({ name, match }): Line => [match.join(', '), settings.retention(name)]),
    ])}
    <p>
      <a class="button" href="/ui/storage/retention?${new URLSearchParams({ repositories: repository }).toString()}">
        ${settings.preview}
      </a>
    </p>`;
  sendRepositoryView(visit, 'settings', content, state.message === undefined ? 200 : 400);
}

type Line = readonly [selector: string, meaning: string];

function ruleTable({ texts: { settings } }: RepositoryVisit, lines: readonly Line[]): Html {
  if (lines.length === 0) return html`<p>${settings.noRules}</p>`;
  const rows = lines.map(([selector, meaning]) => ({ heading: html`<code>${selector}</code>`, cells: [meaning] }));
  return table(settings.tagRules, [settings.tags, settings.meaning], rows);
}

const visibilities: Readonly<Record<string, boolean>> = { public: true, private: false };

/** Sets or removes the rule of this repository. */
export async function changeVisibility(visit: RepositoryVisit): Promise<void> {
  const { repository, form, texts } = visit;
  const { administration, changed } = accountsOf(visit);
  await administration.setPublic(repository, visibilities[form.get('visibility') ?? '']);
  changed();
  visit.leaveNotice({ kind: 'done', lines: [texts.settings.saved] });
  goTo(visit, 'settings');
}

/** Changes the description and the README, or shows the README as it would look without a change. */
export async function changeTexts(visit: RepositoryVisit): Promise<void> {
  const { repository, form, texts, catalog, services, author } = visit;
  const readme = (form.get('readme') ?? '').replaceAll('\r\n', '\n');
  if (form.get('action') === 'preview') {
    const isTooLong = Buffer.byteLength(readme) > maxReadmeBytes;
    await showSettings(visit, { form, ...(isTooLong ? { message: texts.settings.readmeTooLong, wrong: 'readme' } : {}) });
    return;
  }
  await services.mode.assertWritable();
  try {
    await catalog.texts.change(repository, { description: form.get('description') ?? '', readme }, author);
  } catch (error) {
    if (!(error instanceof OciError) || error.code !== 'SIZE_INVALID') throw error;
    const wrong = Buffer.byteLength(readme) > maxReadmeBytes ? 'readme' : 'description';
    await showSettings(visit, { form, message: error.message, wrong });
    return;
  }
  visit.leaveNotice({ kind: 'done', lines: [texts.settings.described] });
  goTo(visit, 'settings');
}
