/**
 * The program that runs Python files of the original's form: one line of JSON asks for a file, one
 * answers. It is given to the interpreter as text, so that nothing has to lie on a disk.
 *
 * A file is loaded once and kept, so that it can compare with its last run, and loaded anew when it has
 * changed. Each run has a thread of its own: one that waits delays nobody. What a file prints goes to
 * standard error; the answers have the pipe that was standard output to themselves.
 */
export const PYTHON_DRIVER = String.raw`
import importlib.util, inspect, json, os, sys, threading, traceback

answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
os.dup2(2, 1)
sys.stdout = sys.stderr
lock = threading.Lock()
loaded = {}


def load(name, file):
    stat = os.stat(file)
    seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    known = loaded.get(file)
    if known is not None and known[0] == seen:
        return known[1]
    folder = os.path.dirname(file)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    loaded[file] = (seen, module)
    return module


def plain(value):
    for convert in ("item", "__float__"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    raise TypeError("a value of type %s cannot be sent" % type(value).__name__)


def message(error, file):
    line = 0
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == file:
            line = frame.lineno
    if isinstance(error, SyntaxError) and error.filename == file:
        line = error.lineno or 0
        error = "SyntaxError: %s" % error.msg
    else:
        error = "%s: %s" % (type(error).__name__, error)
    return "%s (line %d)" % (error, line) if line else error


def run(request):
    answer = {"id": request["id"]}
    file = request["file"]
    try:
        module = load(request["name"], file)
        if not callable(getattr(module, "collect", None)):
            raise TypeError("it must define a function collect()")
        value = module.collect()
        if inspect.iscoroutine(value):
            import asyncio
            value = asyncio.run(value)
        answer["json"] = json.dumps(value, default=plain, allow_nan=False)
    except BaseException as error:
        answer["error"] = message(error, file)
    with lock:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


for request in sys.stdin:
    threading.Thread(target=run, args=(json.loads(request),), daemon=True).start()
`;
