"""The directory over HTTP: a file for each noun."""

from starlette.convertors import StringConvertor, register_url_convertor


class _UndottedConvertor(StringConvertor):
    regex = "[^/.]+"


class _AnyConvertor(StringConvertor):
    regex = "[^/]*"


class _UndottedOrNothingConvertor(StringConvertor):
    regex = "[^/.]*"


# `{partner_id:undotted}` leaves addresses with the extension of a format to other routes, wherever
# they stand, so the one address that is read most does not wait behind them.
register_url_convertor("undotted", _UndottedConvertor())
# An address of a format takes all the others, also such as lead nowhere: whoever reads one would
# else be told that it is there for other methods only.
register_url_convertor("before_dot", _UndottedOrNothingConvertor())
register_url_convertor("extension", _AnyConvertor())
