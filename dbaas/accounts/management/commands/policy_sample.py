"""Print every policy rule with its default, as a POLICY_FILE to start from."""

import textwrap
from typing import Any

from django.core.management.base import BaseCommand
from oslo_policy.policy import DocumentedRuleDefault

from dbaas.accounts import policies


class Command(BaseCommand):
    help = "Print a policy file with every rule at its default, commented out."

    def handle(self, *args: Any, **options: Any) -> None:
        for rule in policies.defaults():
            lines = textwrap.wrap(rule.description, 100)
            if isinstance(rule, DocumentedRuleDefault):
                lines += [f"{operation['method']} {operation['path']}" for operation in rule.operations]
            for line in lines:
                self.stdout.write(f"# {line}")
            self.stdout.write(f'#"{rule.name}": "{rule.check_str}"\n\n')
