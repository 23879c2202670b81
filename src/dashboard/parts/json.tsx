import { useState } from 'preact/hooks';
import { printable } from '../../cli/printable.js';
import { jsonLines, type JsonLine } from '../model/json-lines.js';
import { counted } from '../model/words.js';
import { Icon } from './icon.js';

const SHOWN = 24;
/** A text that is longer is cut until somebody asks. */
const LONGEST = 400;

/** JSON that can be read and copied; long ones are folded. */
export function Json({ value, label }: { readonly value: unknown; readonly label: string }) {
  const [isWhole, setWhole] = useState(false);
  const lines = jsonLines(value);
  const shown = isWhole || lines.length <= SHOWN + 3 ? lines : lines.slice(0, SHOWN);
  const isCut = !isWhole && (shown.length < lines.length || lines.some(({ tokens }) => tokens.some(({ text }) => text.length > LONGEST)));
  return (
    <figure class="json">
      <figcaption>
        {label}
        <Copy text={JSON.stringify(value, undefined, 2) ?? 'null'} what={label} />
      </figcaption>
      <pre tabIndex={0} aria-label={label}>
        {shown.map((line, index) => (
          <Line key={index} line={line} isWhole={isWhole} />
        ))}
      </pre>
      {isCut ? (
        <button type="button" class="link" onClick={() => setWhole(true)}>
          Show all ({counted(lines.length, 'line')})
        </button>
      ) : null}
    </figure>
  );
}

function Line({ line: { depth, tokens }, isWhole }: { readonly line: JsonLine; readonly isWhole: boolean }) {
  return (
    <span class="json-line">
      {'  '.repeat(depth)}
      {tokens.map(({ kind, text }, index) => (
        <span key={index} class={`json-${kind}`}>
          {printable(isWhole || text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`)}
        </span>
      ))}
      {'\n'}
    </span>
  );
}

/** Puts a text on the clipboard, and says so. */
export function Copy({ text, what }: { readonly text: string; readonly what: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    // Only where the page is served over HTTPS or from this machine.
    await navigator.clipboard?.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <button type="button" class="copy" aria-label={`Copy ${what}`} title={isCopied ? 'Copied' : 'Copy'} onClick={() => void copy()}>
      <Icon name={isCopied ? 'check' : 'copy'} size={12} />
    </button>
  );
}
