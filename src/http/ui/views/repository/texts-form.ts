import { maxDescriptionLength } from '../../../../catalog/repository-texts.ts';
import { type FormState, textArea, textField } from '../../parts/fields.ts';
import { renderMarkdown } from '../../parts/markdown.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import type { RepositoryVisit } from './repository-view.ts';

/** Shows the form for the description and the README, with the README as it will look if the visitor asks for that. */
export async function textsForm(visit: RepositoryVisit, state: FormState): Promise<Html> {
  const { repository, texts, catalog, language, now } = visit;
  const { settings } = texts;
  const { description, readme, updatedAt, updatedBy } = await catalog.texts.find(repository);
  const preview = state.form.get('action') === 'preview' ? (state.form.get('readme') ?? '') : '';
  return html`<h2 id="description">${settings.description}</h2>
    ${
      updatedAt === undefined
        ? undefined
        : html`<p class="quiet">${settings.changed} ${relativeTime(updatedAt, now, language)} ${settings.by(updatedBy ?? '')}</p>`
    }
    <form class="texts" method="post" action="/ui/r/${repository}/-/settings/description">
      ${textField(state, {
        name: 'description',
        label: settings.oneLine,
        value: description,
        isOptional: true,
        maxLength: maxDescriptionLength,
      })}
      ${textArea(state, { name: 'readme', label: settings.readme, value: readme, rows: 14 })}
      <p class="actions">
        <button name="action" value="save" class="primary">${settings.save}</button>
        <button name="action" value="preview">${settings.showPreview}</button>
      </p>
    </form>
    ${
      preview.trim() === ''
        ? undefined
        : html`<section class="readme" aria-label="${settings.previewOfReadme}">
            <h2 id="preview">${settings.previewOfReadme}</h2>
            <p class="note" role="status">${settings.notSaved}</p>
            ${await renderMarkdown(preview)}
          </section>`
    }`;
}
