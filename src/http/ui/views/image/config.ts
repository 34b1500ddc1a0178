import type { ImageConfig } from '../../../../images/description/image-config.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';

/** Shows what the configuration of an image says about a container. */
export function configList(texts: Texts, config: ImageConfig): Html {
  const { fields } = texts.image;
  const one = (value: string | undefined) => (value === undefined ? [] : [value]);
  const command = (words: readonly string[]) => (words.length === 0 ? [] : [JSON.stringify(words)]);
  const shown: readonly (readonly [string, readonly string[]])[] = [
    [fields.created, one(config.created)],
    [fields.author, one(config.author)],
    [fields.entrypoint, command(config.entrypoint)],
    [fields.command, command(config.command)],
    [fields.workingDirectory, one(config.workingDirectory)],
    [fields.user, one(config.user)],
    [fields.stopSignal, one(config.stopSignal)],
    [fields.ports, config.ports],
    [fields.volumes, config.volumes],
    [fields.environment, config.environment],
  ];
  const items = shown
    .filter(([, values]) => values.length > 0)
    .map(
      ([name, values]) =>
        html`<dt>${name}</dt>
          ${values.map((value) => html`<dd><code>${value}</code></dd>`)}`,
    );
  return html`<dl>${items}</dl>`;
}

/** Shows names and values that people wrote: labels, annotations. Nothing if there are none. */
export function pairs(texts: Texts, title: string, values: Readonly<Record<string, string>>): Html | undefined {
  const entries = Object.entries(values);
  if (entries.length === 0) return undefined;
  const rows = entries.map(([name, value]) => ({ heading: html`<code>${name}</code>`, cells: [value] }));
  return html`<h2>${title}</h2>
    ${table(title, [texts.image.name, texts.image.value], rows)}`;
}
