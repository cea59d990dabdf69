from actors.errors import CodecError


def explain(payload, limits):
    return CodecError("is no message")


def memory_of(payload, limits):
    return None
