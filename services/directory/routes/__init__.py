"""The directory over HTTP: a file for each noun."""

from starlette.convertors import StringConvertor, register_url_convertor


class _UndottedConvertor(StringConvertor):
    regex = "[^/.]+"


# `{partner_id:undotted}` leaves addresses with the extension of a format to other routes, wherever
# they stand, so the one address that is read most does not wait behind them.
register_url_convertor("undotted", _UndottedConvertor())
