/**
 * The job that fetches an encoder once for all replicas. TEI fetches a model by itself, each replica on its own and
 * with the network needed at every start; from a folder it needs none. Its image has a shell and curl, and nothing
 * that knows the Hub.
 */
import type { Container, Deployment } from '../container.ts'
import { isCpu } from '../gpus.ts'
import { hubToken, modelDiskBytes, modelsMount } from '../huggingface.ts'
import { encoderModel } from '../models.ts'
import { mebibyte, resources } from '../resources.ts'
import { teiImage } from './images.ts'
import { weightsBytes } from './memory.ts'
import { modelFolder } from './settings.ts'

/**
 * `$1` model, `$2` folder, `$3` whether ONNX weights are preferred, as the build for CPUs does. What is fetched is
 * what TEI reads (`core/src/download.rs`, `backends/src/lib.rs`): configuration and tokenizer, pooling and dense
 * modules, and one form of the weights. All of one commit; a folder is there whole or not at all.
 */
const fetchScript = `
set -eu
model=$1
folder=$2
onnx=$3
hub=\${HF_ENDPOINT:-https://huggingface.co}

if [ -e "$folder/.complete" ]; then
  echo "$model is in $folder already; to fetch it anew remove that folder"
  exit 0
fi

token=
if [ -s "\${HF_TOKEN_PATH:-}" ]; then token=$(tr -d '[:space:]' < "$HF_TOKEN_PATH"); fi
get() {
  { [ -z "$token" ] || printf 'header = "Authorization: Bearer %s"\\n' "$token"; } |
    curl --config - --fail --silent --show-error --location --connect-timeout 20 --retry 5 --retry-delay 2 "$@"
}

about=$(get "$hub/api/models/$model/revision/main")
commit=$(printf '%s' "$about" | grep -o '"sha":"[0-9a-f]*"' | head -n 1 | cut -d '"' -f 4)
files=$(printf '%s' "$about" | grep -o '"rfilename":"[^"]*"' | cut -d '"' -f 4)
[ -n "$commit" ] && [ -n "$files" ] || { echo "$hub said nothing usable about $model" >&2; exit 1; }

has() { printf '%s\\n' "$files" | grep -E "$1" > /dev/null; }
if [ "$onnx" = yes ] && has '^(onnx/)?model\\.onnx$'; then weights='^(onnx/)?model\\.onnx'
elif has '^model.*\\.safetensors$'; then weights='^model.*\\.safetensors$'
elif has '^pytorch_model\\.bin$'; then weights='^pytorch_model\\.bin$'
else echo "$model has no weights that Text Embeddings Inference reads" >&2; exit 1
fi

partial=$folder.partial
mkdir -p "$partial"
printf '%s\\n' "$files" | grep -E "^[^/]*\\.json$|^[0-9]+_[A-Za-z]+/|$weights" | while read -r file; do
  [ ! -e "$partial/$file" ] || continue
  echo "fetching $file"
  mkdir -p "$(dirname "$partial/$file")"
  from=$hub/$model/resolve/$commit/$file
  get --continue-at - --output "$partial/$file.part" "$from" ||
    { rm -f "$partial/$file.part" && get --output "$partial/$file.part" "$from"; }
  mv "$partial/$file.part" "$partial/$file"
done
echo "$commit" > "$partial/.complete"
rm -rf "$folder"
mv "$partial" "$folder"
echo "$model is in $folder, as of $commit"
`.trimStart()

const scriptPath = '/etc/ragscale/fetch-model.sh'

/** Null where nothing is declared to fetch. */
export function teiPrefetch({ stack, tier }: Deployment): Container | null {
  const of = tier === 'rerank' ? stack.tiers.rerank : stack.tiers.embed
  if (of?.model === undefined) return null
  const cpu = isCpu(of.gpu)
  const known = encoderModel(of.model)
  const bytes = known === undefined ? null : weightsBytes(known, 'cpu')
  return {
    // Without its entrypoint it needs no GPU.
    image: teiImage(of.gpu, of.image),
    command: ['bash', '-o', 'pipefail', scriptPath],
    args: [of.model, modelFolder(of.model), cpu ? 'yes' : 'no'],
    env: {},
    secrets: [hubToken],
    ports: {},
    mounts: [modelsMount('/data', modelDiskBytes(bytes))],
    files: [{ path: scriptPath, text: fetchScript }],
    health: null,
    resources: resources({
      cpus: 0.25,
      memoryBytes: 128 * mebibyte,
      memoryLimitBytes: 512 * mebibyte,
      because: 'curl, one file at a time',
    }),
    gpus: 0,
    sharedMemoryBytes: null,
    stop: { graceSeconds: 10, preStopSeconds: 0 },
    root: true,
    readOnly: false,
  }
}
