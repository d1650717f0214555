/**
 * How many spans an ExportTraceServiceRequest holds, without decoding them: resource_spans (2: scope_spans (2: spans))
 * of opentelemetry/proto/collector/trace/v1, each a length-delimited field.
 */
export function countSpans(request: Uint8Array): number {
  let spans = 0;
  each(request, 1, (resourceSpans) =>
    each(resourceSpans, 2, (scopeSpans) =>
      each(scopeSpans, 2, () => {
        spans += 1;
      }),
    ),
  );
  return spans;
}

interface JsonRequest {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly unknown[] }[];
  }[];
}

/** The same of OTLP's JSON. */
export function countJsonSpans(request: Uint8Array): number {
  const { resourceSpans } = JSON.parse(Buffer.from(request).toString()) as JsonRequest;
  return resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans)
    .reduce((sum, { spans }) => sum + spans.length, 0);
}

/** Calls `visit` with the bytes of every length-delimited field of this number. */
function each(message: Uint8Array, field: number, visit: (value: Uint8Array) => void): void {
  let offset = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[offset++];
      if (byte === undefined) throw new RangeError('a truncated message');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (offset < message.length) {
    const tag = varint();
    switch (tag & 7) {
      case 0:
        varint();
        break;
      case 1:
        offset += 8;
        break;
      case 2: {
        const length = varint();
        if (tag >> 3 === field) visit(message.subarray(offset, offset + length));
        offset += length;
        break;
      }
      case 5:
        offset += 4;
        break;
      default:
        throw new RangeError(`wire type ${tag & 7}`);
    }
  }
}
