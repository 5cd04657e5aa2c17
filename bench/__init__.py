"""Benchmarks: what a login costs, against the stock way of writing one (see README.md).

``run`` chooses among the ``plans``. A plan starts its servers on a ``bed``, drives them with a
``journey`` (logins over the wire, made by ``load``), and returns the values of its ``figures``.
"""
