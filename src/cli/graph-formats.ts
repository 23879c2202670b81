/** What `backstep graph` can draw; apart from the renderers, so that `--help` need not load them. */
export const GRAPH_FORMATS = ['mermaid', 'dot', 'json', 'svg'] as const;
export type GraphFormat = (typeof GRAPH_FORMATS)[number];
